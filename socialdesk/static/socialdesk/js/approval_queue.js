// The queue of drafts: its list stays up to date, what a lead is reading stays as it is, and a draft that somebody else decided says so.

import { tell } from "desk/approvals";
import { length } from "desk/length";
import { connect } from "desk/live";
import { fetchPart } from "desk/page";
import { differs } from "desk/renew";

const queue = document.querySelector("[data-approvals]");
const list = queue.querySelector("[data-approval-list]");
const shown = queue.querySelector("[data-approval-shown]");
const form = shown?.querySelector(".approval-form");
const DECIDED = { approved: "approved it", declined: "declined it", withdrawn: "took it back" };

/** Fetches the list again. The draft that is read keeps its mark and whoever has the focus in the list keeps it. */
async function refresh() {
  let fresh;
  try {
    fresh = await fetchPart(queue.dataset.listUrl);
  } catch {
    return; // the line about the connection says it; catching up asks again
  }
  const now = list.cloneNode(false);
  now.innerHTML = fresh;
  now.querySelector(`[data-approval-link="${shown?.dataset.approvalShown}"]`)?.setAttribute("aria-current", "true");
  if (!differs(list, now)) return; // a press on it that is half done would go nowhere
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.approvalLink : null;
  list.replaceChildren(...now.childNodes);
  if (focused) (list.querySelector(`[data-approval-link="${focused}"]`) ?? list.querySelector("a"))?.focus();
}

function showDecision({ state, by }) {
  if (!form || !DECIDED[state]) return;
  const line = Object.assign(document.createElement("p"), { className: "notice info", textContent: `${by} ${DECIDED[state]}.` });
  shown.querySelector("[data-approval-news]").replaceChildren(line);
  for (const button of form.querySelectorAll("button")) button.disabled = true;
}

function measure() {
  const text = form.elements.text.value.trim();
  const limit = Number(form.dataset.limit);
  const size = length(text, form.dataset.unit);
  const over = limit > 0 && size > limit;
  const counter = form.querySelector("[data-length]");
  counter.dataset.words ??= counter.textContent;
  counter.textContent = over ? `${size - limit} too long: ${size} / ${limit}` : `${counter.dataset.words} ${limit ? `${size} / ${limit}` : ""}`;
  counter.classList.toggle("error", over);
}

document.addEventListener("live", ({ detail }) => {
  if (detail.type !== "approvals.changed") return;
  tell(detail, 0); // whoever is here sees it without a further word
  refresh();
  const mine = detail.approvals.find(({ approval }) => String(approval) === shown?.dataset.approvalShown);
  if (mine) showDecision(mine);
});
document.addEventListener("live:catch-up", refresh);
if (form) {
  measure();
  form.addEventListener("input", measure);
}
connect();
