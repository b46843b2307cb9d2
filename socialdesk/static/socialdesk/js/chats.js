// The bar of live chats beside the views: who waits, which are mine and unread; it also tells the server that this desk is open.

import { announce, tick } from "desk/page";
import { differs, twinOf } from "desk/renew";

const HERE_EVERY = 20_000; // the server takes an agent for gone after a minute
const GATHER = 150; // milliseconds in which frames are gathered into one question
const bar = document.querySelector("[data-chats-bar]");
const me = Number(document.querySelector("[data-desk]").dataset.agent);
const pane = document.getElementById("conversation");

let timer = 0;
let asked = 0; // questions; only the answer to the last one is shown
let rung = null; // the chats that were waiting when last looked; null before the first look

const ids = (name) => [...bar.querySelectorAll(`[${name}]`)].map((item) => Number(item.getAttribute(name)));

async function ask() {
  timer = 0;
  const number = (asked += 1);
  const body = new FormData();
  const open = pane.querySelector("[data-conversation]")?.dataset.conversation;
  if (open && !document.hidden) body.set("open", open);
  const headers = { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers")) };
  try {
    const response = await fetch(bar.dataset.url, { method: "POST", body, headers });
    const html = response.ok ? await response.text() : null;
    if (html !== null && number === asked) show(html);
  } catch {
    // The banner says that the connection is lost; the next look tells again.
  }
}

/** What says the same is left alone: a press on it that is half done would go nowhere. */
function show(html) {
  const fresh = bar.cloneNode(false);
  fresh.innerHTML = html;
  fresh.querySelector("[data-chat-sound]")?.setAttribute("aria-pressed", String(hasSound()));
  if (!differs(bar, fresh)) return;
  if (bar.querySelector(":active")) return soon(); // somebody is pressing what would be replaced
  const focused = bar.contains(document.activeElement) ? document.activeElement : null;
  bar.replaceChildren(...fresh.childNodes);
  window.htmx.process(bar);
  shown();
  if (focused) (twinOf(focused, bar) ?? bar.querySelector("a, button")).focus({ preventScroll: true });
}

function shown() {
  tick(bar);
  bar.querySelector("[data-chat-sound]")?.setAttribute("aria-pressed", String(hasSound()));
  const waiting = ids("data-chat-waiting");
  const fresh = rung && waiting.filter((id) => !rung.includes(id));
  rung = waiting;
  if (!fresh?.length) return;
  announce(fresh.length === 1 ? "Somebody waits in a chat." : `${fresh.length} people wait in chats.`);
  if (hasSound()) ring();
}

function soon() {
  timer ||= setTimeout(ask, GATHER);
}

const hasSound = () => localStorage.getItem("chat sound") === "on";

/** Two short, quiet notes. */
function ring() {
  const audio = new AudioContext();
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    tone.connect(new GainNode(audio, { gain: 0.05 })).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.14);
  }
}

bar.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-chat-sound]");
  if (!button) return;
  localStorage.setItem("chat sound", hasSound() ? "off" : "on");
  button.setAttribute("aria-pressed", String(hasSound()));
  if (hasSound()) ring();
});
bar.addEventListener("htmx:afterSwap", shown);
// What a press in the bar brings is newer than what was asked for before; what was asked for meanwhile is asked once more.
bar.addEventListener("htmx:beforeRequest", () => (asked += 1));
bar.addEventListener("htmx:afterRequest", () => {
  asked += 1;
  soon();
});

document.addEventListener("live", ({ detail }) => {
  if (detail.type !== "chat.changed") return;
  const known = [...ids("data-chat-waiting"), ...ids("data-chat-mine")];
  if (detail.chats.some(({ chat, state, agent }) => agent === me || state === "waiting" || known.includes(chat))) soon();
});
document.addEventListener("live:catch-up", soon);
document.addEventListener("desk:opened", soon);
document.addEventListener("visibilitychange", () => document.hidden || soon());
setInterval(ask, HERE_EVERY);
ask();
