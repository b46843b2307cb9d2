// Somebody who was asked in public to follow us does: said to the agent who asked, wherever on the desk they are.

import { toast } from "desk/page";

/** What a `follow.came` frame says to agent `me`. */
export function tell(follows, me) {
  for (const { conversation, who, agent } of follows) {
    if (agent !== me) continue;
    const link = { href: `/conversations/${conversation}/`, words: "Open it" };
    toast(`@${who} follows us now. You can write to them in private.`, { link, isGood: true });
  }
}
