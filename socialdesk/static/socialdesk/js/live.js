// The desk's socket: frames come in as `live` events on the document; a loss is said, waited out, and caught up with.

import { announce } from "desk/page";

const WAITS = [1, 2, 4, 8, 15, 30]; // seconds before each further try
let socket = null;
let seq = 0;
let tries = 0;
let retryAt = 0;
let timer = 0;
let wasLost = false;

const banner = () => document.querySelector("[data-connection]");

export function isLive() {
  return socket?.readyState === WebSocket.OPEN && seq > 0;
}

/** Tell the server something; lost without a connection, as presence may be. */
export function tell(frame) {
  if (isLive()) socket.send(JSON.stringify(frame));
}

export function connect() {
  clearTimeout(timer);
  seq = 0;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/desk/`);
  socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
  socket.addEventListener("close", lose);
}

function receive(frame) {
  if (frame.type === "hello") {
    seq = frame.seq || 1;
    tries = 0;
    const element = banner();
    if (element) element.hidden = true;
    if (wasLost) {
      wasLost = false;
      announce("Connected again. What you missed is being fetched.");
      emit("live:catch-up");
    }
  } else if (frame.seq) {
    // A counter that jumped means that frames were dropped on the way: the database has what they said.
    if (seq && frame.seq > seq + 1) emit("live:catch-up");
    seq = Math.max(seq, frame.seq);
  }
  if (frame.type === "resync") emit("live:catch-up");
  emit("live", frame);
}

function lose() {
  seq = 0;
  const wait = WAITS[Math.min(tries, WAITS.length - 1)] * (0.8 + Math.random() * 0.4);
  tries += 1;
  retryAt = Date.now() + wait * 1000;
  if (!wasLost) announce("The connection is lost. What you see may be old.");
  wasLost = true;
  emit("live:lost");
  count();
}

function count() {
  clearTimeout(timer);
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  say(left);
  if (left <= 0) connect();
  else timer = setTimeout(count, 1000);
}

function say(seconds) {
  const element = banner();
  if (!element) return;
  element.hidden = false;
  const words = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again…";
  element.querySelector("[data-connection-words]").textContent = `Connection lost: what you see may be old. ${words}`;
}

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

window.addEventListener("online", () => wasLost && connectNow());
window.addEventListener("offline", () => socket?.close());
document.addEventListener("click", (event) => event.target.closest("[data-connect]") && connectNow());

function connectNow() {
  if (socket?.readyState === WebSocket.CONNECTING || isLive()) return;
  say(0);
  connect();
}
