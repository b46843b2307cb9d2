// The queue of calls: fetched again when somebody asks for one or takes one. What has the focus keeps it.

import { connect } from "desk/live";
import { fetchPart, tick } from "desk/page";
import { differs, twinOf } from "desk/renew";

async function refresh() {
  const template = document.createElement("template");
  try {
    template.innerHTML = await fetchPart(location.href);
  } catch {
    return; // the line about the connection says it; catching up asks again
  }
  const old = document.querySelector("[data-callbacks]");
  const fresh = template.content.querySelector("[data-callbacks]");
  if (!differs(old, fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  tick(fresh);
  if (focused) (twinOf(focused, fresh) ?? document.getElementById("main")).focus({ preventScroll: true });
}

document.addEventListener("live", ({ detail }) => detail.type === "callbacks.changed" && refresh());
document.addEventListener("live:catch-up", refresh);
setInterval(() => document.hidden || refresh(), 60_000); // what becomes due is told to nobody
connect();
