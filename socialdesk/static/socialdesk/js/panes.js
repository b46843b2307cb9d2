// The widths of the panes: dragged or set by arrow keys, and remembered.

import { remember } from "desk/page";

const desk = document.querySelector("[data-desk]");
const NAMES = ["views", "feed"];
const width = (name) => Math.round(parseFloat(getComputedStyle(desk).getPropertyValue(`--${name}`)));

function set(splitter, value) {
  const name = splitter.dataset.splitter;
  const fits = Math.min(Number(splitter.ariaValueMax), Math.max(Number(splitter.ariaValueMin), Math.round(value)));
  desk.style.setProperty(`--${name}`, `${fits}px`);
  splitter.ariaValueNow = String(fits);
}

function keep() {
  remember("panes", NAMES.map(width).join("."));
}

for (const splitter of document.querySelectorAll("[data-splitter]")) {
  const name = splitter.dataset.splitter;
  const forward = getComputedStyle(desk).direction === "rtl" ? -1 : 1;
  splitter.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 16 * forward, ArrowLeft: -16 * forward }[event.key];
    if (!step) return;
    event.preventDefault();
    set(splitter, width(name) + step);
    keep();
  });
  splitter.addEventListener("pointerdown", (event) => {
    const from = event.clientX;
    const start = width(name);
    splitter.setPointerCapture(event.pointerId);
    const move = (moved) => set(splitter, start + (moved.clientX - from) * forward);
    splitter.addEventListener("pointermove", move);
    splitter.addEventListener("pointerup", () => {
      splitter.removeEventListener("pointermove", move);
      keep();
    }, { once: true });
  });
}
