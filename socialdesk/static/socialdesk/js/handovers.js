// Conversations that change hands: said to those whom it concerns, wherever on the desk they are.

import { toast } from "desk/page";
import { countOwn } from "desk/waiting";

const SETTLED = { accepted: "took on", done: "accepted", declined: "declined" };

/** What a `handover.changed` frame says to the agent of this desk. */
export function tell(handovers, { agent, role }) {
  const me = Number(agent);
  countOwn();
  for (const { conversation, state, giver, to, team, by } of handovers) {
    const link = { href: `/conversations/${conversation}/`, words: "Open it" };
    if (state === "offered" && giver !== me && (to === me || team === role)) toast(`${by} hands you a conversation.`, { link });
    else if (giver === me && SETTLED[state]) toast(`${by} ${SETTLED[state]} your hand-over.`, { link, isGood: state !== "declined" });
  }
}
