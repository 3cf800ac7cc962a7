// The page of a recorder file: plays the original or copies of stretches of it.

import { follow, isUnderWay } from "./copy.js";
import { createViewEnd } from "./view_end.js";

const byId = (id) => document.getElementById(id);
const video = byId("clip");
const tellEnd = createViewEnd(video);
const MARGIN_S = 10; // After the last look that shows somebody.

/** `62:03` for seconds. */
export function clockOf(seconds) {
  const whole = Math.floor(seconds);
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

function play(address, isCopy) {
  tellEnd();
  video.src = address;
  video.hidden = false;
  byId("is-copy").hidden = !isCopy;
}

function line(copy) {
  const item = document.createElement("li");
  const span = `${clockOf(copy.start_s)}–${clockOf(copy.end_s)}`;
  if (copy.state === "ready") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = `▶ ${span}`;
    button.addEventListener("click", () => { play(copy.address, true); video.play(); });
    item.append(button);
  } else {
    item.textContent = `${span} · ${copy.words}`;
  }
  return item;
}

function tell(said) {
  byId("unplayable").hidden = said.original !== null;
  byId("copy-form").hidden = said.original !== null;
  byId("copies").replaceChildren(...said.copies.map(line));
  const ready = said.copies.filter((copy) => copy.state === "ready");
  if (video.src) return;
  if (said.original) play(said.original, false);
  else if (ready.length) play(ready[0].address, true);
}

/** Play from a stretch of the content index on; where only copies play, ask for one of it. */
function goTo(button) {
  const { at, until } = button.dataset;
  const form = byId("copy-form");
  if (form.hidden) {
    video.currentTime = Number(at);
    video.play();
  } else {
    form.elements.start.value = clockOf(Number(at));
    form.elements.end.value = clockOf(Number(until) + MARGIN_S);
    form.scrollIntoView();
  }
}

for (const button of document.querySelectorAll("[data-at]")) {
  button.addEventListener("click", () => goTo(button));
}

const isOver = (said) => !said.copies.some((copy) => isUnderWay(copy.state));
follow(byId("upload-player").dataset.copies, isOver, tell);
video.addEventListener("error", () => { byId("unplayable").hidden = false; byId("copy-form").hidden = false; });
