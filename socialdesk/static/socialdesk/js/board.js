// The praise board: kept up to date as things happen, and worked by keys.

import { announce, fetchPart, tick, toast } from "desk/page";
import { connect } from "desk/live";
import { tell } from "desk/praise";

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
  if (!fresh || plain(fresh) === plain(old)) return;
  for (const { dataset } of old.querySelectorAll("[data-keep][open]")) {
    fresh.querySelector(`[data-keep="${dataset.keep}"]`)?.setAttribute("open", "");
  }
  const id = current()?.dataset.compliment;
  const key = document.activeElement?.dataset.key;
  old.replaceWith(fresh);
  window.htmx.process(fresh);
  tick(fresh);
  const entry = id && fresh.querySelector(`[data-compliment="${id}"]`);
  if (entry) ((key && entry.querySelector(`[data-key="${key}"]`)) ?? entry.querySelector("a")).focus({ preventScroll: true });
}

/** What the board says, without the times, which are kept right here. */
function plain(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("[data-ago]").forEach((time) => time.replaceChildren());
  return copy.textContent.replace(/\s+/g, " ");
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
document.addEventListener("htmx:responseError", refresh); // refused: what was shown may be old

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.documentElement.dataset.keys === "off") return;
  const key = event.key.toLowerCase();
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
