// What an agent does with the conversation that is meant: the open one, or that of the card at hand.

import { toast } from "desk/page";
import { cardOf, show } from "desk/feed";

const pane = document.getElementById("conversation");
const KIND = { r: "reply", m: "direct_message", n: "note" };
const LABEL = { 1: "negative", 2: "neutral", 3: "positive" };

let last = null; // the conversation that was meant last: of the card that had the focus, or the open one
let typedAhead = null; // what was typed while the text field was still on its way

// Once another one is open or worked in, what had the focus before is not meant any more.
document.addEventListener("focusin", ({ target }) => {
  last = target.closest?.("[data-card]")?.dataset.card ?? (pane.contains(target) ? openId() : null) ?? last;
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (target === pane) last = openId() ?? last;
});

export const openId = () => pane.querySelector("[data-conversation]")?.dataset.conversation;
export const inPane = () => pane.contains(document.activeElement) && openId();
export const current = () => document.activeElement?.closest("[data-card]") ?? cardOf(last) ?? cardOf(openId());

/** Keys that belong into a text field which is not there yet are kept for it, so that none of them is taken for a command. */
export function typeAhead(key) {
  if (typedAhead === null) return false;
  if (key === "Escape") typedAhead = null;
  else if (key === "Enter") typedAhead += "\n";
  else if (key.length === 1) typedAhead += key;
  else return false;
  return true;
}

/** The conversation that is meant: the one that is worked in, else that of the card, else the open one though it is not listed. */
function meant() {
  const id = inPane() || current()?.dataset.card || openId();
  if (!id) toast("Choose a conversation first: j and k go through the list.");
  return id;
}

export function act(name) {
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
    for (const name of ["htmx:responseError", "htmx:sendError", "htmx:sendAbort"]) {
      document.addEventListener(name, () => resolve(false), { once: true });
    }
  });
  if (!isComing) cardOf(id).querySelector(".card-link").click();
  return opened;
}

/** Opens a menu of the conversation that is meant. What was typed ahead goes into its text field; Enter sends that. */
export async function open(name) {
  const text = await typedUntil(reach());
  const menu = text !== null && pane.querySelector(`[data-act="${name}"]`)?.closest("details");
  if (!menu) return;
  menu.open = true;
  const first = menu.querySelector("[data-first]") ?? menu.querySelector(".menu :is(button, a)");
  first?.focus();
  if (!text || !first.matches("input[data-first]")) return;
  const [line, ...more] = text.split("\n");
  first.value = line;
  if (more.length) first.form.requestSubmit();
}

/** What is typed until `reached` is settled; null if that was in vain, or given up by Escape. */
export async function typedUntil(reached) {
  typedAhead = "";
  const isThere = await reached;
  const text = typedAhead;
  typedAhead = null;
  return isThere ? text : null;
}

export async function write(key) {
  const text = await typedUntil(reach());
  if (text === null) return;
  const door = pane.querySelector(`[data-door="${KIND[key]}"]`);
  door.checked = true;
  const field = pane.querySelector(`[data-writing="${KIND[key]}"] textarea`);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
  if (!text) return;
  field.setRangeText(text, field.value.length, field.value.length, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Shows what can be done to the post that is meant: that of the bubble at hand, else the newest one. A second press does it. */
export async function like() {
  if ((await typedUntil(reach())) === null) return;
  const mine = document.activeElement.closest("[data-bubble]")?.querySelector("[data-likes]");
  const offered = mine ?? [...pane.querySelectorAll("[data-likes]")].at(-1);
  if (!offered) {
    toast("There is no post here that could be liked.");
    return;
  }
  offered.open = true;
  (offered.querySelector("button") ?? offered.querySelector("summary")).focus();
}

export function correct(key) {
  const bubble = document.activeElement?.closest("[data-bubble]")?.querySelector("[data-mention]");
  const post = inPane() ? (bubble ?? [...pane.querySelectorAll(".bubble [data-mention]")].at(-1)) : current();
  if (!post?.dataset.mention) toast("There is no post here whose sentiment could be corrected.");
  else {
    const values = { label: LABEL[key] };
    window.htmx.ajax("POST", `/mentions/${post.dataset.mention}/correct/`, { source: "body", swap: "none", values });
  }
}
