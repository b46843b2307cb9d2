// The desk begins here: frames and presses are led to those who know what to do; what is seldom needed is fetched on first use.

import { write } from "desk/acts";
import { announce, remember, tick, toast } from "desk/page";
import * as feed from "desk/feed";
import { connect } from "desk/live";
import { press } from "desk/keys";

const pane = document.getElementById("conversation");
// Without a connection a module does not come, and is null: the banner says that it is lost, and catching up asks once more.
const orNull = (module) => module.catch(() => null);
const use = {
  approvals: () => orNull(import("desk/approvals")),
  bulk: () => orNull(import("desk/bulk")),
  chats: () => orNull(import("desk/chats")),
  conversation: () => orNull(import("desk/conversation")),
  follow: () => orNull(import("desk/follow")),
  handovers: () => orNull(import("desk/handovers")),
  help: () => orNull(import("desk/help")),
  outgoing: () => orNull(import("desk/outgoing")),
  panes: () => orNull(import("desk/panes")),
  praise: () => orNull(import("desk/praise")),
  tickets: () => orNull(import("desk/tickets")),
  waiting: () => orNull(import("desk/waiting")),
};
const want = (ids) => use.waiting().then((waiting) => waiting?.want(ids));

const chats = () => document.querySelector("[data-chats-bar]") && use.chats();

const frames = {
  "mentions.stored": ({ conversations }) => want(conversations),
  "conversations.changed": ({ conversations }) => {
    feed.showStates(conversations);
    want(conversations.map(({ id }) => id));
  },
  "compliment.changed": ({ compliments }) => {
    want(compliments.map(({ conversation }) => conversation));
    use.praise().then((praise) => praise?.tell(compliments));
  },
  "chat.changed": () => chats(),
  "sources.changed": ({ troubled }) => feed.showTroubled(troubled),
  "approvals.changed": (frame) => use.approvals().then((approvals) => approvals?.tell(frame, Number(feed.desk.dataset.agent))),
  "ticket.late": ({ tickets }) => use.tickets().then((late) => late?.tell(tickets, Number(feed.desk.dataset.agent))),
  "follow.came": ({ follows }) => use.follow().then((follow) => follow?.tell(follows, Number(feed.desk.dataset.agent))),
  "handover.changed": ({ handovers }) => {
    want(handovers.map(({ conversation }) => conversation));
    use.handovers().then((hand) => hand?.tell(handovers, feed.desk.dataset));
  },
  counts: ({ views, mine }) => {
    feed.showCounts({ ...views, mine });
    // Saved searches are each person's own, so that no frame carries their counts.
    if (document.querySelector('[data-count^="search:"]')) use.waiting().then((waiting) => waiting?.countSearches());
  },
};
let coming = null; // the conversation that is on its way: its request, and the frames since then, which its answer may not know of
document.addEventListener("htmx:beforeRequest", ({ detail: { target, xhr } }) => {
  if (target === pane) coming = { xhr, heard: [] };
});
document.addEventListener("htmx:afterRequest", ({ detail: { xhr, successful } }) => {
  if (coming?.xhr === xhr && !successful) coming = null;
});
document.addEventListener("live", ({ detail }) => {
  coming?.heard.push(detail);
  frames[detail.type]?.(detail);
});
document.addEventListener("live:catch-up", () => {
  chats(); // also soon after the page came: it is busy with itself until then
  use.waiting().then((waiting) => waiting?.catchUp());
});

document.addEventListener("click", (event) => {
  const { target } = event;
  closeMenus(target);
  if (target.closest("[data-pill]")) use.waiting().then((waiting) => waiting?.showHeld()).then(() => feed.focusCard(feed.cards()[0]));
  if (target.closest("[data-help]")) use.help().then((help) => help?.open());
  if (target.closest("[data-profile-toggle]")) toggleProfile();
  if (target.closest("[data-pile]")) feed.show("feed");
  const door = target.closest("[data-write]");
  if (door) write(door.dataset.write);
  const link = target.closest("[data-show]");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    feed.show(link.dataset.show);
  }
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-dropdown][open]")) if (!menu.contains(except)) menu.open = false;
}

function close(menu) {
  const hadFocus = menu.contains(document.activeElement);
  menu.open = false;
  if (hadFocus) menu.querySelector("summary").focus({ preventScroll: true });
}

// What stands in some menus is fetched each time that they open.
const load = ({ target }) => {
  const part = target.querySelector?.("[data-fetch]");
  part?.replaceChildren();
  if (part && target.open) window.htmx.ajax("GET", part.dataset.fetch, { target: part, swap: "innerHTML" });
};
document.addEventListener("toggle", load, { capture: true }); // it does not bubble

function toggleProfile() {
  const visible = getComputedStyle(document.getElementById("profile")).display !== "none";
  if (matchMedia("(max-width: 719.9px)").matches) feed.show("profile");
  else feed.desk.dataset.profile = visible ? "folded" : "open";
  if (matchMedia("(min-width: 1240px)").matches) remember("profile", visible ? "folded" : "");
}

for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, ({ target }) => target.closest?.("[data-splitter]") && use.panes());
}
document.addEventListener("change", ({ target }) => target.matches(".card-check") && use.bulk().then((bulk) => bulk?.count()));
document.addEventListener("submit", (event) => {
  if (event.target.id !== "bulk-form") return;
  event.preventDefault();
  use.bulk().then((bulk) => bulk?.send(event.target, event.submitter));
});
document.addEventListener("keydown", press);

/** A conversation was opened by somebody, or is there from the start. */
function opened(bySomebody) {
  const root = pane.querySelector("[data-conversation]");
  if (!root) return;
  feed.showOpen(root.dataset.conversation);
  const came = coming;
  return use.conversation().then((conversation) => {
    if (conversation && root.isConnected) { // else the next one was opened before the script had come, and says so itself: nothing may be bound twice
      conversation.opened(bySomebody);
      conversation.hear(came?.heard ?? []);
    }
    if (coming === came) coming = null;
  });
}

document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  tick(target.isConnected ? target : document);
  if (target.id === "conversation") {
    feed.show("conversation");
    opened(true);
  } else if (target.id === "feed") {
    showPlace();
  }
});

/** After another view was fetched: its line is the current one. */
function showPlace() {
  const { query, title } = feed.feed().dataset;
  for (const link of document.querySelectorAll("[data-pile]")) {
    if (link.dataset.query === query) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  document.title = `${title} · Social Desk`;
  feed.showOpen(pane.querySelector("[data-conversation]")?.dataset.conversation);
  announce(`${title}: ${feed.cards().length} conversations shown`);
}

document.addEventListener("desk:done", async ({ target, detail }) => {
  const { conversation, did, words } = detail;
  const menu = target.closest?.("details[data-dropdown]"); // that asked; what somebody does in another goes on
  if (menu) close(menu);
  if (["queued", "acknowledged", "closed", "resolved", "snoozed"].includes(did)) use.outgoing().then((bar) => bar?.show(detail));
  else if (did === "said") toast(words, { isGood: true });
  else announce(words);
  if (did === "search_saved" || did === "search_deleted") location.reload();
  if (!["resolved", "snoozed", "assigned"].includes(did)) {
    if (conversation) want([conversation]);
    return;
  }
  const wasOpen = pane.querySelector(`[data-conversation="${conversation}"]`);
  const next = await feed.leave([conversation]).catch(() => null);
  if (next && wasOpen) next.querySelector(".card-link").click();
  else if (next) feed.focusCard(next);
});

Promise.resolve(opened(false)).finally(connect); // what is told before somebody listens would be lost
