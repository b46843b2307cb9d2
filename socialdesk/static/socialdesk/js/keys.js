// What each key does. Single keys stay quiet while somebody types, and all of them can be switched off (WCAG 2.1.4).

import { toast } from "desk/page";
import { cardOf, cards, feed, focusCard, neighbour, show } from "desk/feed";

const pane = document.getElementById("conversation");
const KIND = { r: "reply", m: "direct_message", n: "note" };
const LABEL = { 1: "negative", 2: "neutral", 3: "positive" };
const PLACES = { t: "trends", k: "topics", o: "outbox" };
const FOR_A_LETTER = 1500; // milliseconds that `g` waits for its letter

let letterUntil = 0;
let last = null; // the card that had the focus
let typedAhead = null; // what was typed while the text field was still on its way

const openId = () => pane.querySelector("[data-conversation]")?.dataset.conversation;
const inPane = () => pane.contains(document.activeElement) && openId();

document.addEventListener("focusin", ({ target }) => {
  last = target.closest?.("[data-card]")?.dataset.card ?? last;
});

const current = () => document.activeElement?.closest("[data-card]") ?? cardOf(last) ?? cardOf(openId());

export function press(event) {
  if (event.isComposing || event.defaultPrevented || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key !== "k") return;
    event.preventDefault();
    import("desk/palette").then((palette) => palette.open());
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (typedAhead !== null && (event.key.length === 1 || key === "Enter")) {
    event.preventDefault();
    typedAhead += key === "Enter" ? "\n" : event.key;
    return;
  }
  const typing = event.target.closest("textarea, select, input:not([type=checkbox], [type=radio]), [contenteditable]");
  if (key === "Escape") back(typing);
  else if (!typing && document.documentElement.dataset.keys !== "off") single(event, key);
}

function single(event, key) {
  const awaited = letterUntil > Date.now();
  letterUntil = 0;
  if (key === "Enter" && event.target !== document.body) return; // it presses what has the focus
  if (awaited ? !go(key) : !acts[key]) return;
  event.preventDefault();
  if (!awaited) run(key);
}

/** The act of a single key, also when it was chosen by name. */
export function run(key) {
  acts[key](key);
}

const acts = {
  j: () => move(1),
  k: () => move(-1),
  g: () => (letterUntil = Date.now() + FOR_A_LETTER),
  c: () => act("claim"),
  e: () => act("resolve"),
  a: () => open("assign"),
  s: () => open("snooze"),
  r: write,
  m: write,
  n: write,
  x: () => current()?.querySelector(".card-check").click(),
  z: () => import("desk/outgoing").then((bar) => bar.undo()),
  1: correct,
  2: correct,
  3: correct,
  Enter: () => current()?.querySelector(".card-link").click(),
  ".": () => feed().querySelector("[data-pill]").click(),
  "?": () => import("desk/help").then((help) => help.open()),
  "/": () => {
    show("feed");
    feed().querySelector("input[type=search]").focus();
  },
};

function move(step) {
  const next = neighbour(current(), step);
  if (next && inPane()) next.querySelector(".card-link").click();
  else focusCard(next);
  next?.scrollIntoView({ block: "nearest" });
}

/** The conversation that is meant: the one that is worked in, else that of the card. */
function meant() {
  const id = inPane() || current()?.dataset.card;
  if (!id) toast("Choose a conversation first: j and k go through the list.");
  return id;
}

function act(name) {
  const id = meant();
  if (!id) return;
  const button = id === openId() && pane.querySelector(`[data-act="${name}"]`);
  if (button) button.click();
  else window.htmx.ajax("POST", `/conversations/${id}/${name}/`, { source: "body", swap: "none" });
}

/** Opens the conversation that is meant, if it is not open. False if that did not work. */
async function reach() {
  const id = meant();
  if (!id) return false;
  show("conversation");
  const isComing = pane.matches(".htmx-request") || (id === openId() && pane.dataset.ready !== id);
  if (id === openId() && !isComing) return true;
  const opened = new Promise((resolve) => {
    document.addEventListener("desk:opened", () => resolve(true), { once: true });
    for (const name of ["htmx:responseError", "htmx:sendError"]) document.addEventListener(name, () => resolve(false), { once: true });
  });
  if (!isComing) cardOf(id).querySelector(".card-link").click();
  return opened;
}

async function open(name) {
  if (!(await reach())) return;
  const menu = pane.querySelector(`[data-act="${name}"]`)?.closest("details");
  if (!menu) return;
  menu.open = true;
  menu.querySelector(".menu button").focus();
}

async function write(key) {
  typedAhead = "";
  const reached = await reach();
  const text = typedAhead;
  typedAhead = null;
  if (!reached) return;
  const door = pane.querySelector(`[data-door="${KIND[key]}"]`);
  door.checked = true;
  const field = pane.querySelector(`[data-writing="${KIND[key]}"] textarea`);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
  if (!text) return;
  field.setRangeText(text, field.value.length, field.value.length, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function correct(key) {
  const bubble = document.activeElement?.closest("[data-bubble]")?.querySelector("[data-mention]");
  const post = inPane() ? (bubble ?? [...pane.querySelectorAll(".bubble [data-mention]")].at(-1)) : current();
  if (!post?.dataset.mention) toast("There is no post here whose sentiment could be corrected.");
  else window.htmx.ajax("POST", `/mentions/${post.dataset.mention}/correct/`, { source: "body", swap: "none", values: { label: LABEL[key] } });
}

function go(key) {
  const link = document.querySelector(`[data-letter="${key}"]`) ?? document.querySelector(`.places a[href="/${PLACES[key]}/"]`);
  link?.click();
  return Boolean(link);
}

/** Esc steps back: out of a menu, out of the text, out of the conversation. What was typed stays. */
function back(typing) {
  const menu = document.querySelector("details[data-dropdown][open]");
  const title = pane.querySelector("#thread-title");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (typing && inPane()) {
    title.focus();
  } else if (typing) {
    document.activeElement.blur();
  } else if (document.querySelector(".card-check:checked") && !inPane()) {
    document.getElementById("bulk-form").reset();
  } else {
    show("feed");
    focusCard(cardOf(openId()) ?? cards()[0]);
  }
}
