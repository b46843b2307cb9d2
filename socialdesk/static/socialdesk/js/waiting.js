// What comes in waits behind the pill until the person asks for it: the list never makes room by itself.

import { announce, fetchPart, tick } from "desk/page";
import { at, cardOf, cards, desk, fade, feed, fetchCards, list, parse, replace, showCounts, showEmpty, showTroubled } from "desk/feed";

const MOST = 60; // cards that wait; beyond that, pressing the pill fetches the list anew
const AT_ONCE = 100;
const GATHER = 120; // milliseconds in which frames are gathered into one question
const PAUSE = 1000; // between two questions
const SAID_EVERY = 5000;
const COUNTED_EVERY = 15_000;

const wanted = new Set(); // ids to ask the server about
const held = new Map(); // id -> card that waits
let line = Promise.resolve(); // questions, one after the other: an older answer must not come last
let overflowed = false;
let timer = 0;
let saidAt = 0;
let countedAt = 0;

/** Something happened to these conversations: see whether and how they belong into this list. */
export function want(ids) {
  for (const id of ids) {
    if (cardOf(id) || held.size + wanted.size < MOST) wanted.add(Number(id));
    else overflowed = true;
  }
  showPill();
  if (wanted.size) timer ||= setTimeout(() => inTurn(ask), GATHER);
}

const inTurn = (question) => (line = line.then(question, question));

async function ask() {
  const ids = [...wanted].slice(0, AT_ONCE);
  ids.forEach((id) => wanted.delete(id));
  const { query } = feed().dataset;
  try {
    const fresh = await fetchCards(ids);
    if (query === feed().dataset.query) apply(ids, fresh);
  } catch {
    // The banner says that the connection is lost; catching up asks again.
  }
  timer = setTimeout(() => {
    timer = 0;
    want([]);
  }, PAUSE);
}

function apply(ids, fresh) {
  for (const id of ids) {
    const listed = cardOf(id);
    const card = fresh.get(id);
    if (listed?.matches(":active")) want([id]); // somebody is pressing it: soon
    else if (card && listed) replace(listed, card);
    else if (card && belongs(card)) held.set(id, card);
    else if (listed) fade(listed);
    else held.delete(id);
  }
  if (!cards().length && held.size) showHeld();
  showPill();
}

/** Whether a card's place is among those shown, not further down where nothing has been fetched yet. */
function belongs(card) {
  const last = cards().at(-1);
  return !last || !list().querySelector("[data-more]") || feed().dataset.sort === "due" || at(card) >= at(last);
}

function showPill() {
  const pill = feed().querySelector("[data-pill]");
  const line = pill.querySelector("[data-pill-words]");
  const words = overflowed ? `${MOST}+ new` : `${held.size} new`;
  pill.hidden = !overflowed && held.size === 0;
  if (pill.hidden || line.textContent === words) return;
  line.textContent = words;
  if (Date.now() - saidAt < SAID_EVERY) return;
  saidAt = Date.now();
  announce(`${words} ${held.size === 1 ? "conversation" : "conversations"} in ${feed().dataset.title}`);
}

/** The pill was pressed. Resolves when what waited is in the list. */
export async function showHeld() {
  if (overflowed || feed().dataset.sort === "due") {
    await window.htmx.ajax("GET", `${desk.dataset.deskUrl}?${feed().dataset.query}`, { target: "#feed", swap: "outerHTML" });
    return;
  }
  for (const gone of list().querySelectorAll(".is-gone")) gone.remove();
  const present = cards();
  for (const card of [...held.values()].sort((a, b) => at(b) - at(a))) {
    list().insertBefore(card, present.find((other) => at(other) <= at(card)) ?? list().querySelector("[data-more]"));
    window.htmx.process(card);
  }
  held.clear();
  showEmpty();
  tick(list());
  showPill();
  feed().querySelector("[data-feed-scroll]").scrollTo({ top: 0 });
}

/** After a gap: the counts, the newest page and the cards that are shown, without moving what is read. */
export const catchUp = () => inTurn(askAll);

async function askAll() {
  const { query } = feed().dataset;
  try {
    const [counts, page] = await Promise.all([fetchPart(desk.dataset.countsUrl), fetchPart(`${desk.dataset.feedUrl}?${query}`)]);
    const { views, troubled } = JSON.parse(counts);
    showCounts(views);
    showTroubled(troubled);
    if (query !== feed().dataset.query) return;
    const fresh = parse(page);
    apply([...fresh.keys()], fresh);
    want(cards().map((card) => Number(card.dataset.card)).filter((id) => !fresh.has(id)));
  } catch {
    // Still away: the next connection catches up.
  }
}

/** The counts of this person's searches, asked for seldom. */
export async function countSearches() {
  if (Date.now() - countedAt < COUNTED_EVERY) return;
  await countOwn();
}

/** What is counted for this person alone. */
export async function countOwn() {
  countedAt = Date.now();
  const counts = await fetchPart(desk.dataset.countsUrl).catch(() => null);
  if (counts) showCounts(JSON.parse(counts).views);
}

document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (target.id !== "feed") return;
  held.clear();
  wanted.clear();
  overflowed = false;
});
