// Review copies: asked for without leaving the page, and followed until they are made.

const POLL_MS = 2000; // A copy takes seconds to minutes.

/** Whether a copy in this state may still change by itself. */
export function isUnderWay(state) {
  return state === "waiting" || state === "making";
}

/** The JSON at an address. */
export async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Asks again and again until `isOver` is content with the answer; `tell` hears every answer. */
export function follow(address, isOver, tell) {
  async function look() {
    let over = false;
    try {
      const said = await ask(address);
      tell(said);
      over = isOver(said);
    } catch {
      // The service is being restarted, or the network is away: it is asked again.
    }
    if (!over) setTimeout(look, POLL_MS);
  }
  look();
}

/** The form under an event's player: `show` gets the address of the copy once it is there. */
export function createCopy(form, show) {
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");

  function tell(said) {
    status.textContent = said.words;
    button.hidden = isUnderWay(said.state);
    if (said.state === "ready") show(form.dataset.media);
  }

  function watch() {
    button.hidden = true;
    follow(form.dataset.state, (said) => !isUnderWay(said.state), tell);
  }

  form.addEventListener("submit", async (event) => {
    // A decision that is half filled in stays so.
    event.preventDefault();
    const answer = await fetch(form.action, { method: "POST", redirect: "manual" });
    if (answer.type === "opaqueredirect") watch();
    else form.submit(); // The page of the refusal says why.
  });
  if (isUnderWay(form.dataset.now)) watch();
}
