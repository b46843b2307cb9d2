// Puts into the open conversation what is new in it: its parts and each bubble by its key. What is read or typed does not move.

import { toast } from "desk/page";
import { differs, keepValues, twinOf } from "desk/renew";

const pane = document.getElementById("conversation");

export function patch(fresh) {
  renewTokens(fresh);
  for (const part of ["head", "hops", "policy", "chat", "profile"]) {
    const old = pane.querySelector(`[data-patch="${part}"]`);
    const now = fresh.querySelector(`[data-patch="${part}"]`);
    if (!differs(old, now)) delete old.dataset.behind;
    else if (old.querySelector("details[open]")) old.dataset.behind = ""; // it follows once that is closed
    else swap(old, now);
  }
  const list = pane.querySelector("[data-thread]");
  const known = new Map([...list.querySelectorAll("[data-bubble]")].map((bubble) => [bubble.dataset.bubble, bubble]));
  const bubbles = [...fresh.querySelectorAll("[data-bubble]")];
  for (const bubble of bubbles) {
    const old = known.get(bubble.dataset.bubble);
    if (!old) place(list, bubble);
    else if (differs(old, bubble)) swap(old, bubble);
    known.delete(bubble.dataset.bubble);
  }
  const first = bubbles[0]?.dataset.bubble;
  for (const [key, gone] of known) {
    if (key !== "none" && atOf(key) < atOf(first)) continue; // older ones were fetched by hand
    const hadFocus = gone.contains(document.activeElement);
    gone.remove();
    if (hadFocus) focusTitle();
  }
}

const atOf = (key) => Number(key?.split("-")[0]);
const focusTitle = () => pane.querySelector("#thread-title").focus({ preventScroll: true });

/** Who signed in again in another tab has another token: what stays of the page asks with that one. */
function renewTokens(fresh) {
  const token = fresh.querySelector("[name=csrfmiddlewaretoken]")?.value;
  if (!token) return;
  for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) input.value = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
}

function place(list, bubble) {
  const after = [...list.querySelectorAll("[data-bubble]")].find((other) => atOf(other.dataset.bubble) > atOf(bubble.dataset.bubble));
  list.insertBefore(bubble, after ?? null);
  window.htmx.process(bubble);
}

/** What was pressed here and answered after this part left the page would be heard by nobody. */
export function relay(part) {
  const who = pane.querySelector("#thread-title").textContent;
  part.addEventListener("desk:done", ({ detail }) => {
    if (!part.isConnected) document.dispatchEvent(new CustomEvent("desk:done", { detail }));
  });
  part.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    if (part.isConnected || (xhr.status > 0 && xhr.status < 400)) return;
    toast(`What you pressed in the conversation with ${who} was not done. Open it again to see why; your text is kept.`);
  });
}

function swap(old, now) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  relay(old);
  keepValues(old, now);
  old.replaceWith(now);
  window.htmx.process(now);
  if (focused) (twinOf(focused, now) ?? pane.querySelector("#thread-title")).focus({ preventScroll: true });
}

// What was chosen or typed for something is not kept for the next time once it is done.
document.addEventListener("desk:done", ({ target }) => target.closest?.("[data-patch] form")?.reset());
