// Many conversations at once: what was selected, what was done with each, and why not with the rest.

import { announce, reasonOf, toast } from "desk/page";
import * as feed from "desk/feed";

const AT_ONCE = 100; // cards asked for in one question

const form = () => document.getElementById("bulk-form");
const checked = () => [...document.querySelectorAll(".card-check:checked")];

document.addEventListener("reset", ({ target }) => target.id === "bulk-form" && setTimeout(count));

export function count() {
  const number = checked().length;
  form().querySelector("[data-bulk-count]").textContent = `${number} selected`;
  announce(`${number} selected`);
  if (!number) form().querySelector(".bulk-results")?.remove();
}

export async function send(element, submitter) {
  const body = new FormData(element, submitter);
  const buttons = [...element.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  try {
    const response = await fetch(element.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    if (!response.ok) {
      toast(reasonOf(response.status, await response.text()));
      return;
    }
    const detail = JSON.parse(response.headers.get("HX-Trigger"))["desk:done"];
    await finish(detail);
  } catch {
    toast(reasonOf(0, ""));
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

/** What was done is unchecked and leaves if it does not fit any more; what was not stays checked, with its reason. */
async function finish({ words, ids, refused }) {
  announce(words);
  for (const id of ids) {
    const box = feed.cardOf(id)?.querySelector(".card-check");
    if (box) box.checked = false;
  }
  let next = null;
  for (let from = 0; from < ids.length; from += AT_ONCE) next = (await feed.leave(ids.slice(from, from + AT_ONCE))) ?? next;
  if (form().contains(document.activeElement) || document.activeElement === document.body) {
    feed.focusCard([next, feed.cardOf(ids[0]), feed.cards()[0]].find((card) => card?.isConnected));
  }
  count();
  form().querySelector("[data-bulk-count]").textContent = words;
  form().querySelector(".bulk-results")?.remove();
  if (!refused.length) return;
  const list = document.createElement("ul");
  list.className = "bulk-results";
  for (const { who, reason } of refused) {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("bdi"), { textContent: `@${who}` }), `: ${reason}`);
    list.append(item);
  }
  form().append(list);
}
