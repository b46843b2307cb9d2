// The queue of calls: fetched again when somebody asks for one or takes one. What has the focus keeps it.

import { fetchPart, tick } from "desk/page";
import { differs, twinOf } from "desk/renew";

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
  if (!differs(old, fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  tick(fresh);
  if (focused) (twinOf(focused, fresh) ?? document.getElementById("main")).focus({ preventScroll: true });
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
