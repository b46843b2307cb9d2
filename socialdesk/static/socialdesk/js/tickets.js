// A promise to write in a ticket has run out: said to whoever has the ticket, to all where nobody has it.

import { toast } from "desk/page";

/** What a `ticket.late` frame says to agent `me`. */
export function tell(tickets, me) {
  for (const { ticket, name, agent } of tickets) {
    if (agent !== null && agent !== me) continue;
    toast(`${name}: we promised to write again by now.`, { link: { href: `/tickets/${ticket}/`, words: "Open it" } });
  }
}
