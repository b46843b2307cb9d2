// Ctrl+K: every act, view, topic and place by name.

import { run as runKey } from "desk/keys";

const ACTS = [
  ["Claim", "c"], ["Assign…", "a"], ["Hand over…", "o"], ["Snooze…", "s"], ["We are on it", "w"], ["Ask to follow us", "u"], ["Link…", "l"], ["Ticket…", "t"], ["Contacts and verification…", "v"],
  ["Forward praise…", "f"], ["Chat…", "h"], ["Like or hide…", "y"], ["Resolve", "e"], ["Public reply", "r"], ["Private message", "m"], ["Note", "n"],
  ["Sentiment: negative", "1"], ["Sentiment: neutral", "2"], ["Sentiment: positive", "3"], ["Select for acting on many", "x"],
  ["Show what is new", "."], ["Search", "/"], ["Undo", "z"], ["Keys", "?"],
];

let dialog = null;
let choices = [];
let chosen = 0;
let before = null;

function read() {
  const acts = ACTS.map(([name, key]) => ({ name, hint: key, run: () => runKey(key) }));
  const views = [...document.querySelectorAll("[data-pile]")].map((link) => ({
    name: `Go to ${link.querySelector(".pile-name").textContent}`,
    hint: link.dataset.letter ? `g ${link.dataset.letter}` : "",
    run: () => link.click(),
  }));
  const places = [...document.querySelectorAll(".places a, .more-places a:not(.only-small), [data-queue]")].map((link) => ({
    name: `Open ${nameOf(link)}`,
    hint: "",
    run: () => link.click(),
  }));
  const head = [...document.querySelectorAll("[data-act=release], [data-act=reopen]")].map((button) => ({
    name: button.textContent.trim(),
    hint: "",
    run: () => button.click(),
  }));
  return [...acts, ...head, ...views, ...places];
}

/** What a link says, without its counts. */
function nameOf(link) {
  const copy = link.cloneNode(true);
  copy.querySelectorAll(".badge, .count").forEach((part) => part.remove());
  return copy.textContent.trim();
}

function build() {
  const element = document.createElement("dialog");
  element.className = "palette";
  element.setAttribute("aria-label", "Everything");
  element.innerHTML = `
    <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" autocomplete="off"
           aria-label="What do you want to do?" placeholder="What do you want to do?">
    <ul id="palette-list" role="listbox" aria-label="Choices"></ul>`;
  const input = element.querySelector("input");
  input.addEventListener("input", () => show(0));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      show(chosen + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(choices[chosen]);
    }
  });
  element.querySelector("ul").addEventListener("click", ({ target }) => {
    const item = target.closest("[role=option]");
    if (item) run(choices[Number(item.dataset.index)]);
  });
  document.body.append(element);
  return element;
}

function show(index) {
  const typed = dialog.querySelector("input").value.toLowerCase().trim();
  choices = read().filter(({ name }) => typed.split(/\s+/).every((word) => name.toLowerCase().includes(word)));
  chosen = Math.max(0, Math.min(index, choices.length - 1));
  const list = dialog.querySelector("ul");
  list.replaceChildren(
    ...choices.map(({ name, hint }, at) => {
      const item = Object.assign(document.createElement("li"), { id: `choice-${at}`, className: "menu-item" });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(at === chosen));
      item.dataset.index = at;
      item.append(name);
      if (hint) item.append(Object.assign(document.createElement("span"), { className: "meta", textContent: hint }));
      return item;
    }),
  );
  const item = list.children[chosen];
  dialog.querySelector("input").setAttribute("aria-activedescendant", item?.id ?? "");
  item?.scrollIntoView({ block: "nearest" });
}

function run(choice) {
  dialog.close();
  before?.focus({ preventScroll: true });
  choice?.run();
}

/** `typed` is what was typed before it could be shown; Enter in it chooses. */
export function open(typed = "") {
  dialog ??= build();
  if (dialog.open) return;
  before = document.activeElement;
  const [words, ...entered] = typed.split("\n");
  dialog.querySelector("input").value = words;
  dialog.showModal();
  show(0);
  if (entered.length) run(choices[chosen]);
}
