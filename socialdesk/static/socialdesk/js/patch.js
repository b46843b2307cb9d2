// Puts into the open conversation what is new in it: its parts and each bubble by its key. What is read or typed does not move.

import { toast } from "desk/page";

const pane = document.getElementById("conversation");

export function patch(fresh) {
  for (const part of ["head", "hops", "policy", "chat", "profile"]) {
    const old = pane.querySelector(`[data-patch="${part}"]`);
    if (!old.querySelector("details[open]")) swapKeepingFocus(old, fresh.querySelector(`[data-patch="${part}"]`));
  }
  const list = pane.querySelector("[data-thread]");
  const known = new Map([...list.querySelectorAll("[data-bubble]")].map((bubble) => [bubble.dataset.bubble, bubble]));
  const bubbles = [...fresh.querySelectorAll("[data-bubble]")];
  for (const bubble of bubbles) {
    const old = known.get(bubble.dataset.bubble);
    if (!old) place(list, bubble);
    else if (plain(old) !== plain(bubble)) swap(old, bubble);
    known.delete(bubble.dataset.bubble);
  }
  const first = bubbles[0]?.dataset.bubble;
  for (const [key, gone] of known) if (key === "none" || atOf(key) >= atOf(first)) gone.remove(); // older ones were fetched by hand
}

const atOf = (key) => Number(key?.split("-")[0]);

/** What a bubble says, without what the browser did to it since. */
function plain(bubble) {
  const copy = bubble.cloneNode(true);
  copy.querySelectorAll("[data-ago], .why-slot").forEach((part) => part.replaceChildren());
  copy.querySelectorAll("details").forEach((details) => details.removeAttribute("open"));
  return copy.textContent.replace(/\s+/g, " ") + copy.className.replace(/htmx-\S+/g, "").trim();
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
  if (!old || !now || old.outerHTML === now.outerHTML) return;
  relay(old);
  old.replaceWith(now);
  window.htmx.process(now);
}

function swapKeepingFocus(old, now) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  swap(old, now);
  if (!focused || focused.isConnected) return;
  (now.querySelector(`[data-act="${focused.dataset.act}"]`) ?? pane.querySelector("#thread-title")).focus();
}
