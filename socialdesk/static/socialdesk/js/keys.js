// What each key does. Single keys stay quiet while somebody types, and all of them can be switched off (WCAG 2.1.4).

import { act, correct, current, inPane, like, open, openId, typeAhead, typedUntil, write } from "desk/acts";
import { cardOf, cards, feed, focusCard, neighbour, show } from "desk/feed";

const PLACES = { i: "tickets", t: "trends", k: "topics", x: "outbox", v: "approvals", l: "rules", f: "compliments", q: "people" };
const FOR_A_LETTER = 1500; // milliseconds that `g` waits for its letter

let letterUntil = 0;

export function press(event) {
  if (event.isComposing || event.defaultPrevented || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key !== "k") return;
    event.preventDefault();
    everything();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (typeAhead(event.key)) {
    event.preventDefault();
    return;
  }
  const typing = event.target.closest("textarea, select, input:not([type=checkbox], [type=radio]), [contenteditable]");
  if (key === "Escape") event.repeat || back(typing);
  else if (!typing && document.documentElement.dataset.keys !== "off") single(event, key);
}

/** What is typed while the list of everything is on its way belongs into its field. */
async function everything() {
  let palette = null;
  const text = await typedUntil(import("desk/palette").then((module) => (palette = module)).catch(() => null));
  if (text !== null) palette.open(text);
}

function single(event, key) {
  if (event.repeat && key !== "j" && key !== "k") return; // held: only the way through the list goes on
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
  o: () => open("hand"),
  s: () => open("snooze"),
  l: () => open("link"),
  t: () => open("ticket"),
  v: () => open("reach"),
  w: () => act("acknowledge"),
  u: () => act("ask_follow"),
  f: () => open("forward"),
  h: () => import("desk/chat").then((chat) => chat.goTo()),
  y: like,
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

function go(key) {
  const link = document.querySelector(`[data-letter="${key}"]`) ?? document.querySelector(`:is(.places, .more-places) a[href="/${PLACES[key]}/"]`);
  link?.click();
  return Boolean(link);
}

/** Esc steps back: out of a menu, out of the text, out of the conversation. What was typed stays. */
function back(typing) {
  const menu = document.querySelector("details[data-dropdown][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (typing && inPane()) {
    document.getElementById("thread-title").focus();
  } else if (typing) {
    document.activeElement.blur();
  } else if (document.querySelector(".card-check:checked") && !inPane()) {
    document.getElementById("bulk-form").reset();
  } else {
    show("feed");
    focusCard(cardOf(openId()) ?? cards()[0]);
  }
}
