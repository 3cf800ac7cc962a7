// Keys by KeyboardEvent.code: an input method may turn "." into "。", never the code.

const TEXT_FIELDS = "input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select";
const PRESSED_BY_SPACE = "button, a, summary, input";

/** The key table that the page shows, as a map from code to action. */
export function readBindings(root) {
  const actions = new Map();
  for (const row of root.querySelectorAll("[data-codes]")) {
    for (const code of row.dataset.codes.split(" ")) actions.set(code, row.dataset.action);
  }
  return actions;
}

/** Whether a key press belongs to what has the focus, or to the browser, and not to us. */
export function isTaken(event) {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return true;
  const target = event.target;
  if (target.closest(TEXT_FIELDS)) return true;
  return event.code === "Space" && target.closest(PRESSED_BY_SPACE) !== null;
}

/** Calls the handler of a key's action; actions without a handler here are left alone. */
export function listen(bindings, handlers) {
  document.addEventListener("keydown", (event) => {
    const handler = handlers[bindings.get(event.code)];
    if (!handler || isTaken(event) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    handler();
  });
}
