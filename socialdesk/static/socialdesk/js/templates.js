// Templates and articles in the composer: `/` at the start of a word opens a list, typing narrows it, Enter puts one at the cursor.

import { announce, fetchPart, toast } from "desk/page";

const AUDIENCE = { reply: "public", direct_message: "private" };

let box = null;
let input = null;
let list = null;
let field = null; // the text that it will be put into
let options = [];
let chosen = 0;
let isHere = false; // the list has come
let isEntered = false; // Enter came before it did

const all = () => [...list.querySelectorAll("[role=option]")];

// Not keydown: a phone's keyboard says there only that something was typed.
document.addEventListener("beforeinput", (event) => {
  const text = event.target;
  if (event.data !== "/" || event.isComposing || !text.matches?.("[data-writing] textarea")) return;
  const before = text.value.slice(0, text.selectionStart);
  if (!AUDIENCE[text.form.dataset.writing] || /\S$/.test(before)) return;
  event.preventDefault();
  open(text);
});

function build() {
  box = document.createElement("div");
  box.className = "suggest menu";
  box.hidden = true;
  box.innerHTML = `
    <input type="text" role="combobox" aria-expanded="true" aria-controls="suggest-list" aria-autocomplete="list" autocomplete="off"
           aria-label="Find a template or an article" placeholder="Find a template or an article">
    <div id="suggest-list" role="listbox" aria-label="Templates and articles"></div>
    <p class="meta" data-none hidden>Nothing fits these words. Esc goes back to your text.</p>`;
  input = box.querySelector("input");
  list = box.querySelector("[role=listbox]");
  input.addEventListener("input", () => show(0));
  input.addEventListener("keydown", press);
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
  list.addEventListener("click", ({ target }) => choose(target.closest("[role=option]")));
}

/** The list above the composer, for the text field that it will be put into. `typed` is what was typed before it could be shown. */
export async function open(text, typed = "") {
  if (!box) build();
  field = text;
  const form = text.form;
  form.closest("[data-composer]").append(box);
  box.hidden = false;
  const [words, ...entered] = typed.split("\n");
  input.value = words;
  list.textContent = "";
  isHere = false;
  isEntered = entered.length > 0;
  show(0);
  input.focus();
  const pane = form.closest("[data-conversation]");
  try {
    const html = await fetchPart(`${pane.dataset.url}suggestions/?audience=${AUDIENCE[form.dataset.writing]}`);
    if (box.hidden || field !== text) return; // closed meanwhile
    list.innerHTML = html;
    isHere = true;
    show(0);
    if (isEntered) return choose(options[chosen]);
    announce(`${options.length} to choose from. Arrow keys choose, Enter puts it into the text.`);
  } catch (error) {
    leave("");
    toast(error.message);
  }
}

function show(index) {
  const words = input.value.toLowerCase().split(/\s+/);
  for (const option of all()) option.hidden = !words.every((word) => option.dataset.words.includes(word));
  for (const group of list.children) group.hidden = !group.querySelector("[role=option]:not([hidden])");
  options = all().filter((option) => !option.hidden);
  box.querySelector("[data-none]").hidden = options.length > 0 || !isHere;
  chosen = Math.max(0, Math.min(index, options.length - 1));
  options.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  input.setAttribute("aria-activedescendant", options[chosen]?.id ?? "");
  options[chosen]?.scrollIntoView({ block: "nearest" });
}

function press(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) show(chosen + step);
  else if (event.key === "Enter") enter();
  else if (event.key === "Escape") leave(`/${input.value}`);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function enter() {
  isEntered = !isHere;
  choose(options[chosen]);
}

function close() {
  box.hidden = true;
}

/** Back to the text, with what was typed since the stroke: it may have been meant as it stands. */
function leave(typed) {
  close();
  if (typed) put(typed);
  field.focus();
}

function choose(option) {
  if (!option) return;
  close();
  field.focus();
  if (option.dataset.article) {
    window.htmx.ajax("POST", option.dataset.article, { source: "body", swap: "none" });
    return;
  }
  const start = field.selectionEnd;
  put(option.dataset.text);
  field.form.elements.variant.value = option.dataset.variant;
  const gap = /\{\w+\}/.exec(field.value.slice(start));
  if (gap) field.setSelectionRange(start + gap.index, start + gap.index + gap[0].length);
}

function put(text) {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
