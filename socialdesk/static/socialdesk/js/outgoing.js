// The bar that takes things back: a message while it is held, a conversation just resolved or snoozed.

import { announce } from "desk/page";

const area = document.getElementById("outgoing");
const SHOWN = 8; // seconds for which what needs no hurry can be taken back
const bars = []; // newest last

export function show(detail) {
  const sends = ["queued", "acknowledged", "closed"].includes(detail.did);
  const counts = sends && !detail.cools; // what cools down for minutes can be taken back in the thread
  const until = Date.now() + (counts ? detail.seconds : SHOWN) * 1000;
  const url = sends ? `/messages/${detail.message}/undo/` : `/conversations/${detail.conversation}/reopen/`;
  const element = document.createElement("div");
  element.className = "outgoing-bar";
  const words = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.append("Undo ", Object.assign(document.createElement("kbd"), { textContent: "z" }));
  element.append(words, button);
  const bar = { element, words, until, url, text: counts ? null : detail.words, kind: detail.kind };
  button.addEventListener("click", () => takeBack(bar));
  bars.push(bar);
  while (bars.length > 3) remove(bars[0]);
  announce(counts ? `${wordsOf(bar)} Press z to undo.` : `${detail.words} Press z to undo.`);
  area.append(element);
  count();
}

const wordsOf = (bar) => {
  const left = Math.max(0, Math.ceil((bar.until - Date.now()) / 1000));
  return bar.text ?? `${bar.kind === "reply" ? "Sending publicly" : "Sending privately"} in ${left} s`;
};

let timer = 0;
function count() {
  clearTimeout(timer);
  for (const bar of [...bars]) {
    if (bar.until <= Date.now()) remove(bar);
    else bar.words.textContent = wordsOf(bar);
  }
  if (bars.length) timer = setTimeout(count, 250);
}

function remove(bar) {
  if (bars.includes(bar)) bars.splice(bars.indexOf(bar), 1);
  bar.element.remove();
}

async function takeBack(bar) {
  remove(bar);
  await import("desk/composer").then((composer) => composer.flush()); // the text goes before what was typed since
  window.htmx.ajax("POST", bar.url, { source: "body", swap: "none" });
}

/** The newest thing that can still be taken back: from the bar, else from the open thread. */
export function undo() {
  if (bars.length) takeBack(bars.at(-1));
  else {
    const button = [...document.querySelectorAll("[data-undo]")].at(-1);
    if (button) button.click();
    else announce("There is nothing to undo.");
  }
}
