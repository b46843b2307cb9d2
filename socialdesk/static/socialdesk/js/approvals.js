// Drafts that wait for a lead, as every page with a live feed hears of them: the count in the header, and a word to their author.

import { announce, toast } from "desk/page";

/** What an `approvals.changed` frame says to agent `me`. */
export function tell({ pending, approvals }, me) {
  const count = document.querySelector("[data-approvals-pending]");
  if (count) {
    count.hidden = pending === 0;
    count.textContent = pending;
    if (approvals.some(({ state }) => state === "pending")) announce(`${pending} ${pending === 1 ? "draft waits" : "drafts wait"} for a lead`);
  }
  for (const { agent, state, by, conversation } of approvals) {
    if (agent !== me) continue;
    const link = { href: `/conversations/${conversation}/`, words: "Open it" };
    if (state === "approved") announce(`${by} approved your draft. It goes out now.`);
    if (state === "declined") toast(`${by} sent your draft back. The text is your draft again.`, { link });
  }
}
