// What became of praise that this person forwarded, said as soon as it happens.

import { toast } from "desk/page";

const me = Number(document.querySelector("[data-agent]")?.dataset.agent);

const OUTCOMES = {
  accepted: (who) => `Somebody takes care of the praise by @${who} that you forwarded.`,
  granted: (who) => `@${who} agrees: the praise that you forwarded may be used.`,
  refused: (who) => `@${who} does not want the praise that you forwarded to be used.`,
  reposted: (who) => `The praise by @${who} that you forwarded was reposted.`,
  quoted: (who) => `The praise by @${who} that you forwarded was quoted, with credit.`,
  thanked: (who) => `@${who} was thanked for the praise that you forwarded.`,
  handed: (who) => `You are asked to thank @${who} for the praise that you forwarded. A draft waits for you.`,
  declined: (who) => `The praise by @${who} that you forwarded will not be used.`,
  withdrawn: (who) => `@${who} no longer wants the praise that you forwarded to be used.`,
  deleted: (who) => `@${who} deleted the praise that you forwarded.`,
};

/** `compliments` as the frame brings them. What the person did themselves they know. */
export function tell(compliments) {
  for (const { did, who, compliment, forwarded_by: forwardedBy, by } of compliments) {
    if (forwardedBy !== me || by === me || !OUTCOMES[did]) continue;
    const link = { href: `/compliments/${compliment}/`, words: "See it" };
    toast(OUTCOMES[did](who), { link, isGood: !["refused", "declined", "withdrawn", "deleted"].includes(did) });
  }
}
