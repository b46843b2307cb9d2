// The queue of calls: fetched again when somebody asks for one or takes one. What has the focus keeps it.

import { fetchPart, tick } from "desk/page";

const scheme = location.protocol === "https:" ? "wss" : "ws";
const AGAIN = 5_000; // milliseconds before a lost connection is tried again

async function refresh() {
  const template = document.createElement("template");
  try {
    template.innerHTML = await fetchPart(location.href);
  } catch {
    return; // the next frame asks again
  }
  const old = document.querySelector("[data-callbacks]");
  const fresh = template.content.querySelector("[data-callbacks]");
  const focused = old.contains(document.activeElement) ? document.activeElement.closest("form, a") : null;
  const address = focused?.action ?? focused?.href;
  old.replaceWith(fresh);
  tick(fresh);
  if (address) [...fresh.querySelectorAll("form, a")].find((one) => (one.action ?? one.href) === address)?.querySelector("button")?.focus();
}

function connect(isAgain) {
  const socket = new WebSocket(`${scheme}://${location.host}/ws/desk/`);
  socket.addEventListener("message", ({ data }) => {
    const { type } = JSON.parse(data);
    if (type === "callbacks.changed" || type === "resync" || (type === "hello" && isAgain)) refresh();
  });
  socket.addEventListener("close", ({ code }) => code !== 4401 && setTimeout(connect, AGAIN, true));
}

setInterval(() => document.hidden || refresh(), 60_000); // what becomes due is told to nobody
connect(false);
