// The desk's socket: frames come in as `live` events on the document; a loss is said, waited out, and caught up with.

import { announce } from "desk/page";

const SIGN_IN = 4401; // the server's close code
const SIGNED_OUT = "You are signed out. Sign in again in another tab, then press Try now; what you typed is kept.";
const SETTLED = 3000; // milliseconds after which the page is no longer busy with itself
const WAITS = [1, 2, 4, 8, 15, 30]; // seconds before each further try
export const presence = new Map(); // "conversation agent" -> {agent, name, conversation, doing}

let socket = null;
let seq = 0;
let greeted = false;
let tries = 0;
let retryAt = 0;
let timer = 0;
let wasLost = false;
let isFirst = true;

const banner = () => document.querySelector("[data-connection]");

export function isLive() {
  return greeted && socket.readyState === WebSocket.OPEN;
}

/** Tell the server something; lost without a connection, as presence may be. */
export function tell(frame) {
  if (isLive()) socket.send(JSON.stringify(frame));
}

export function connect() {
  clearTimeout(timer);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/desk/`);
  socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
  socket.addEventListener("close", lose);
}

function receive(frame) {
  if (frame.type === "hello") {
    presence.clear();
    greeted = true;
    tries = 0;
    banner().hidden = true;
    // What happened between the making of the page and now was told to nobody here.
    if (isFirst && !wasLost) setTimeout(emit, SETTLED, "live:catch-up");
    isFirst = false;
    if (wasLost) {
      wasLost = false;
      announce("Connected again. What you missed is being fetched.");
      emit("live:catch-up");
    }
  } else if (frame.type === "resync" || frame.seq > seq + 1) {
    // Frames were dropped on the way: the database has what they said.
    emit("live:catch-up");
  }
  seq = frame.seq;
  for (const entry of frame.presence ?? []) presence.set(`${entry.conversation} ${entry.agent}`, entry);
  emit("live", frame);
}

function lose({ code }) {
  greeted = false;
  emit("live:lost");
  const isNews = !wasLost;
  wasLost = true;
  if (code === SIGN_IN) {
    say(SIGNED_OUT);
    announce(SIGNED_OUT);
    return;
  }
  if (isNews) announce("The connection is lost. What you see may be old.");
  const wait = WAITS[Math.min(tries, WAITS.length - 1)] * (0.8 + Math.random() * 0.4);
  tries += 1;
  retryAt = Date.now() + wait * 1000;
  count();
}

function count() {
  clearTimeout(timer);
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  say(`Connection lost: what you see may be old. ${left > 0 ? `Trying again in ${left} s.` : "Trying again…"}`);
  if (left <= 0) connect();
  else timer = setTimeout(count, 1000);
}

function say(words) {
  banner().hidden = false;
  banner().querySelector("[data-connection-words]").textContent = words;
}

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

window.addEventListener("online", () => wasLost && connectNow());
window.addEventListener("offline", () => socket?.close());
document.addEventListener("click", (event) => event.target.closest("[data-connect]") && connectNow());

function connectNow() {
  if (socket?.readyState === WebSocket.CONNECTING || isLive()) return;
  retryAt = 0;
  count();
}
