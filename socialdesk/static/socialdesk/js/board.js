// The praise board: kept up to date as things happen, and worked by keys.

import { announce, fetchPart, tick, toast } from "desk/page";
import { connect } from "desk/live";
import { tell } from "desk/praise";
import { differs, twinOf } from "desk/renew";

const board = () => document.querySelector("[data-board]");
const entries = () => [...document.querySelectorAll("[data-compliment]")].filter((entry) => entry.offsetParent);
const current = () => document.activeElement?.closest("[data-compliment]");

let running = Promise.resolve();
let awaited = null;

/** Calls that come while one runs share the next, which knows of them all. */
function refresh() {
  awaited ??= running.then(() => {
    awaited = null;
    running = bringUpToDate();
    return running;
  });
  return awaited;
}

async function bringUpToDate() {
  const template = document.createElement("template");
  try {
    template.innerHTML = await fetchPart(location.href);
  } catch {
    return; // the banner says that the connection is lost; catching up asks again
  }
  const fresh = template.content.querySelector("[data-board]");
  const old = board();
  if (!fresh || !differs(old, fresh)) return;
  for (const { dataset } of old.querySelectorAll("[data-keep][open]")) {
    fresh.querySelector(`[data-keep="${dataset.keep}"]`)?.setAttribute("open", "");
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const id = current()?.dataset.compliment;
  old.replaceWith(fresh);
  window.htmx.process(fresh);
  tick(fresh);
  if (!focused) return;
  const entry = id && fresh.querySelector(`[data-compliment="${id}"]`);
  const same = entry ? (twinOf(focused, entry) ?? entry.querySelector("a")) : twinOf(focused, fresh);
  (same ?? document.getElementById("main")).focus({ preventScroll: true });
}

document.addEventListener("live", ({ detail }) => {
  const shown = new Set([...document.querySelectorAll("[data-conversation]")].map((entry) => Number(entry.dataset.conversation)));
  const touched = {
    "compliment.changed": ({ compliments }) => {
      tell(compliments);
      return true;
    },
    "mentions.stored": ({ conversations }) => conversations.some((id) => shown.has(id)),
    "message.changed": ({ messages }) => messages.some(({ conversation }) => shown.has(conversation)),
  }[detail.type];
  if (touched?.(detail)) refresh();
});
document.addEventListener("live:catch-up", refresh);
document.addEventListener("desk:done", ({ detail }) => {
  announce(detail.words);
  refresh();
});
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => xhr.status >= 400 && refresh()); // refused: what was shown may be old

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.documentElement.dataset.keys === "off") return;
  const key = event.key.toLowerCase();
  if (event.repeat && key !== "j" && key !== "k") return; // held: only the way through the list goes on
  if (key === "j" || key === "k") {
    const all = entries();
    const next = all[current() ? all.indexOf(current()) + (key === "j" ? 1 : -1) : 0];
    next?.querySelector("a").focus();
    next?.scrollIntoView({ block: "nearest" });
  } else if (current()?.querySelector(`[data-key="${key}"]`)) {
    current().querySelector(`[data-key="${key}"]`).click();
  } else if (key.length === 1 && document.querySelector(`[data-key="${key}"]`)) {
    toast(current() ? "That cannot be done with this one now." : "Choose one first: j and k go through them.");
  } else return;
  event.preventDefault();
});

connect();
