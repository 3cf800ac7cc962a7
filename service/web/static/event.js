// The page of an event: its parts found, its keys bound.

import { createCompare } from "./compare.js";
import { createCopy } from "./copy.js";
import { listen, readBindings } from "./keys.js";
import { createPlayer } from "./player.js";
import { createViewEnd } from "./view_end.js";

const byId = (id) => document.getElementById(id);

function playerActions() {
  const video = byId("clip");
  if (!video) return {};
  const complain = () => { if (byId("unplayable")) byId("unplayable").hidden = false; };
  if (video.error) complain();
  else video.addEventListener("error", complain);
  const actions = createPlayer(video, (rate) => { byId("speed").textContent = `${rate}×`; });
  byId("to-moment").addEventListener("click", actions.moment);
  const tellEnd = createViewEnd(video);
  if (byId("copy")) createCopy(byId("copy"), (address) => { tellEnd(); showCopy(video, address); });
  return actions;
}

function showCopy(video, address) {
  video.src = address;
  byId("unplayable").remove();
  byId("is-copy").hidden = false;
}

function compareActions() {
  const box = byId("compare");
  return box ? createCompare(box, byId("slider")) : {};
}

function focusFirst(formId) {
  const field = document.querySelector(`#${formId} [type=checkbox], #${formId} [type=radio]`);
  if (field) field.focus();
}

const keys = byId("keys");
const showKeys = () => keys.showModal();

listen(readBindings(keys), {
  ...playerActions(),
  ...compareActions(),
  boxes: () => document.body.classList.toggle("no-boxes"),
  confirm: () => focusFirst("confirm-form"),
  reject: () => focusFirst("reject-form"),
  next: () => { const link = byId("next"); if (link) link.click(); },
  help: showKeys,
});
byId("open-keys").addEventListener("click", showKeys);

const problem = byId("problem");
if (problem) problem.focus();
