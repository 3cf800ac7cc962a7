// Before and after, one over the other, with a slider between them.

/** How much of the upper picture (after) is hidden from the left, as CSS. */
export function insetAt(percent) {
  return `inset(0 0 0 ${percent}%)`;
}

/** The action that flips between the two pictures. */
export function createCompare(box, slider) {
  const above = box.querySelector(".top .still");

  function show(percent) {
    slider.value = String(percent);
    above.style.clipPath = insetAt(percent);
  }

  box.classList.add("sliding");
  slider.hidden = false;
  slider.addEventListener("input", () => show(Number(slider.value)));
  show(50);
  return { compare: () => show(Number(slider.value) > 0 ? 0 : 100) };
}
