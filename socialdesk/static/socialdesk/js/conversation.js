// The open conversation: fetched again as frames come, and told to others as presence.

import { fetchPart, tick } from "desk/page";
import { presence, tell } from "desk/live";
import * as composer from "desk/composer";
import * as guard from "desk/guard";
import { patch, relay } from "desk/patch";
import * as chat from "desk/chat";

const pane = document.getElementById("conversation");
const desk = document.querySelector("[data-desk]");
const me = Number(desk.dataset.agent);
const LOOKING_EVERY = 20_000;

let lookingAt = 0; // the conversation that others were told of
let running = Promise.resolve(null);
let awaited = null;

const root = () => pane.querySelector("[data-conversation]");
// Always from the page itself: what is on the screen is what an act must mean.
const openId = () => Number(root()?.dataset.conversation ?? 0);

export function opened(bySomebody) {
  const id = openId();
  if (lookingAt && lookingAt !== id) tell({ type: "presence", conversation: lookingAt, doing: "left" });
  lookingAt = id;
  say();
  composer.bind(pane.querySelector("[data-composer]"), id, (doing) => say(doing));
  chat.bind(pane.querySelector("[data-chat-strip]"));
  guard.bind(pane.querySelector("[data-composer]"));
  showPresence();
  tick(pane);
  relay(root());
  if (bySomebody) pane.querySelector("#thread-title").focus({ preventScroll: true });
  pane.dataset.ready = id;
  document.title = `${pane.querySelector("#thread-title").textContent} · Social Desk`;
  document.dispatchEvent(new CustomEvent("desk:opened"));
}

function say(doing = "looking") {
  if (lookingAt && !document.hidden) tell({ type: "presence", conversation: lookingAt, doing });
}
setInterval(say, LOOKING_EVERY);

/** Fetches the pane again; gives what the server has, or null. Calls that come while one runs share the next, which knows of them all. */
function refresh() {
  awaited ??= running.catch(() => null).then(() => {
    awaited = null;
    running = bringUpToDate();
    return running;
  });
  return awaited;
}

async function bringUpToDate() {
  const template = document.createElement("template");
  const writes = composer.writesSoFar();
  try {
    template.innerHTML = await fetchPart(root().dataset.url);
  } catch {
    return null; // the banner says that the connection is lost; catching up asks again
  }
  // Another one may have been opened meanwhile: its head and thread must never be mixed with these.
  const fetched = Number(template.content.querySelector("[data-conversation]").dataset.conversation);
  if (fetched !== openId() || pane.dataset.ready !== String(fetched)) return null;
  const fresh = template.content.cloneNode(true);
  patch(template.content);
  if (composer.update(template.content, writes)) composer.settled().then(refresh);
  chat.update(template.content);
  tick(pane);
  return fresh;
}

const concerns = {
  "mentions.stored": ({ conversations }) => conversations.includes(openId()),
  "conversations.changed": ({ conversations }) => conversations.some((state) => state.id === openId()),
  "ticket.changed": ({ tickets }) => tickets.some((ticket) => ticket.conversation === openId()),
  "link.changed": ({ links }) => links.some((link) => link.conversation === openId()),
  "callbacks.changed": ({ callbacks }) => callbacks.some((callback) => callback.conversation === openId()),
  "act.changed": ({ acts }) => acts.some((one) => one.conversation === openId()),
  "compliment.changed": ({ compliments }) => compliments.some((compliment) => compliment.conversation === openId()),
  "chat.changed": ({ chats }) => chats.some((one) => one.conversation === openId()),
  "message.changed": ({ messages }) => messages.some((message) => message.conversation === openId()),
  "sources.changed": ({ networks }) => networks.includes(root().dataset.network), // our account may write again, or not any more
  "approvals.changed": ({ approvals }) => approvals.some((approval) => approval.conversation === openId()),
};

document.addEventListener("live", ({ detail }) => {
  if (detail.type === "hello") say();
  if (detail.presence) showPresence();
  if (!root() || !concerns[detail.type]?.(detail)) return;
  const sentBack = detail.approvals?.some(({ conversation, agent, state }) => conversation === openId() && agent === me && state === "declined");
  refresh().then((fresh) => {
    if (fresh && sentBack) composer.giveBack("reply", fresh, { opens: false }); // somebody else's act changes no door
  });
});

/** Frames that came while what is open was on its way: they may be of what it does not show yet. */
export function hear(frames) {
  if (root() && frames.some((frame) => concerns[frame.type]?.(frame))) refresh();
}

document.addEventListener("live:catch-up", () => root() && refresh());
// A refusal says that what is shown is old; what changed while a menu was open in its part follows when that is closed.
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => xhr.status === 409 && root() && refresh());
pane.addEventListener("toggle", ({ target }) => !target.open && target.closest("[data-behind]") && refresh(), { capture: true });
document.addEventListener("desk:done", ({ detail }) => {
  if (!root() || detail.conversation !== openId()) return;
  if (["queued", "waiting", "noted"].includes(detail.did)) say(); // not typing any more
  if (detail.did === "linked") composer.insert(detail.url);
  refresh().then((fresh) => {
    if (fresh && ["undone", "given_up", "withdrawn", "hop_done"].includes(detail.did)) composer.giveBack(detail.kind, fresh);
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
