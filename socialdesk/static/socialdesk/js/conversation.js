// The open conversation: brought up to date in place as frames come, and told to others as presence.

import { fetchPart, tick } from "desk/page";
import { presence, tell } from "desk/live";
import * as composer from "desk/composer";

const pane = document.getElementById("conversation");
const desk = document.querySelector("[data-desk]");
const me = Number(desk.dataset.agent);
const LOOKING_EVERY = 20_000;

let lookingAt = 0; // the conversation that others were told of
let refreshing = null;
let again = false;

const root = () => pane.querySelector("[data-conversation]");
// Always from the page itself: what is on the screen is what an act must mean.
const openId = () => Number(root()?.dataset.conversation ?? 0);

export function opened(bySomebody) {
  const id = openId();
  if (lookingAt && lookingAt !== id) tell({ type: "presence", conversation: lookingAt, doing: "left" });
  lookingAt = id;
  say();
  composer.bind(pane.querySelector("[data-composer]"), id, (doing) => say(doing));
  showPresence();
  tick(pane);
  if (bySomebody) pane.querySelector("#thread-title").focus({ preventScroll: true });
  pane.dataset.ready = id;
  document.title = `${pane.querySelector("#thread-title").textContent} · Social Desk`;
  document.dispatchEvent(new CustomEvent("desk:opened"));
}

function say(doing = "looking") {
  if (lookingAt && !document.hidden) tell({ type: "presence", conversation: lookingAt, doing });
}
setInterval(say, LOOKING_EVERY);

/** Fetch the pane again and put in what is new: the head, each bubble by its key. Nothing that is typed or read moves. */
async function refresh() {
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = (async () => {
    const template = document.createElement("template");
    template.innerHTML = await fetchPart(root().dataset.url);
    // Another one may have been opened meanwhile: its head and thread must never be mixed with these.
    const fetched = Number(template.content.querySelector("[data-conversation]").dataset.conversation);
    if (fetched !== openId() || pane.dataset.ready !== String(fetched)) return null;
    const pristine = template.content.cloneNode(true);
    patch(template.content);
    return pristine;
  })();
  let fresh = null;
  try {
    fresh = await refreshing;
  } catch {
    // The banner says that the connection is lost; catching up asks again.
  }
  refreshing = null;
  if (again) {
    again = false;
    return refresh();
  }
  return fresh;
}

function patch(fresh) {
  for (const part of ["head", "profile"]) {
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
  composer.update(fresh);
  tick(pane);
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

function swap(old, now) {
  if (!old || !now || old.outerHTML === now.outerHTML) return;
  old.replaceWith(now);
  window.htmx.process(now);
}

function swapKeepingFocus(old, now) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  swap(old, now);
  if (!focused || focused.isConnected) return;
  (now.querySelector(`[data-act="${focused.dataset.act}"]`) ?? pane.querySelector("#thread-title")).focus();
}

const concerns = {
  "mentions.stored": ({ conversations }) => conversations.includes(openId()),
  "conversations.changed": ({ conversations }) => conversations.some((state) => state.id === openId()),
  "message.changed": ({ messages }) => messages.some((message) => message.conversation === openId()),
};

document.addEventListener("live", ({ detail }) => {
  if (detail.type === "hello") say();
  if (detail.presence) showPresence();
  if (root() && concerns[detail.type]?.(detail)) refresh();
});
document.addEventListener("live:catch-up", () => root() && refresh());
document.addEventListener("desk:done", ({ detail }) => {
  if (!root() || detail.conversation !== openId()) return;
  if (["queued", "noted"].includes(detail.did)) say(); // not typing any more
  refresh().then((fresh) => {
    if (fresh && ["undone", "given_up"].includes(detail.did)) composer.giveBack(detail.kind, fresh);
  });
});

function showPresence() {
  const words = [...presence.values()]
    .filter((entry) => entry.conversation === openId() && entry.agent !== me && entry.doing !== "left")
    .map((entry) => `${entry.name} is ${entry.doing}.`);
  const line = pane.querySelector("[data-presence]");
  if (line && line.textContent !== words.join(" ")) line.textContent = words.join(" ");
}

window.addEventListener("pagehide", () => tell({ type: "presence", conversation: lookingAt, doing: "left" }));
