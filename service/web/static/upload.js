// The page of uploads: files chosen or dropped, a row for each, the device and the officer.

import { Transfer, unfinished } from "./transfer.js";

const byId = (id) => document.getElementById(id);
const words = byId("upload").dataset;
const MOVING = new Set(["sending", "retrying", "checking"]);
const OVER = new Set(["taken", "quarantined"]);

function rowFor(file) {
  const row = byId("transfer").content.firstElementChild.cloneNode(true);
  row.querySelector(".name").textContent = file.name;
  byId("transfers").hidden = false;
  byId("transfers").tBodies[0].append(row);
  return (selector) => row.querySelector(selector);
}

function show(part, state, facts) {
  const detail = state === "failed" ? facts.message : (facts.notes || []).join(" ");
  part(".state").textContent = detail ? `${words[state]} ${detail}` : words[state];
  part(".pause").hidden = !MOVING.has(state);
  part(".resume").hidden = MOVING.has(state) || OVER.has(state);
  if (facts.share !== undefined) {
    part("progress").value = facts.share;
    part(".share").textContent = `${Math.floor(facts.share * 100)}%`;
  }
  if (facts.sha256) part(".sha256").textContent = `SHA-256 ${facts.sha256}`;
  if (facts.page) {
    part(".page").href = facts.page;
    part(".page").hidden = false;
  }
}

function add(file) {
  const part = rowFor(file);
  const facts = { device: byId("device").value.trim(), officer: byId("officer").value };
  const transfer = new Transfer(file, facts, (state, told) => show(part, state, told));
  part(".pause").addEventListener("click", () => transfer.pause());
  part(".resume").addEventListener("click", () => transfer.start());
  transfer.start();
}

function remind() {
  const names = unfinished();
  byId("again").hidden = names.length === 0;
  byId("unfinished").textContent = names.join("、");
}

byId("files").addEventListener("change", (event) => {
  for (const file of event.target.files) add(file);
  event.target.value = "";
});
for (const kind of ["dragover", "drop"]) {
  byId("drop").addEventListener(kind, (event) => event.preventDefault());
}
byId("drop").addEventListener("drop", (event) => {
  for (const file of event.dataTransfer.files) add(file);
});
remind();
