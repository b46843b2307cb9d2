// The list of conversations: what comes waits behind the pill, what others take fades in place, nothing jumps.

import { announce, fetchPart } from "desk/page";
import { tick } from "desk/clocks";

const desk = document.querySelector("[data-desk]");
const me = Number(desk.dataset.agent);
const MOST = 60; // cards that wait behind the pill; beyond that, pressing it fetches the list anew
const AT_ONCE = 100;
const PAUSE = 1000;

const wanted = new Set(); // ids to ask the server about
const held = new Map(); // id -> card that waits behind the pill
const states = new Map(); // id -> what the last frame said of a conversation
let overflowed = false;
let busy = false;
let saidAt = 0;

export const feed = () => document.getElementById("feed");
const list = () => feed().querySelector("[data-cards]");
export const cards = () => [...list().querySelectorAll("[data-card]")];
export const cardOf = (id) => list().querySelector(`[data-card="${id}"]`);

export function want(ids) {
  for (const id of ids) {
    if (held.size + wanted.size < MOST || cardOf(id)) wanted.add(Number(id));
    else overflowed = true;
  }
  if (overflowed) showPill();
  if (!busy && wanted.size) setTimeout(refresh, 120);
}

async function refresh() {
  if (busy || !wanted.size) return;
  busy = true;
  const ids = [...wanted].slice(0, AT_ONCE);
  ids.forEach((id) => wanted.delete(id));
  const { query } = feed().dataset;
  try {
    const html = await fetchPart(`${desk.dataset.cardsUrl}?ids=${ids.join()}&${query}`);
    if (query === feed().dataset.query) apply(ids, parse(html));
  } catch {
    // The banner says that the connection is lost; catching up asks again.
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  busy = false;
  refresh();
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return new Map([...template.content.querySelectorAll("[data-card]")].map((card) => [Number(card.dataset.card), card]));
}

function apply(ids, fresh) {
  for (const id of ids) {
    const listed = cardOf(id);
    const card = fresh.get(id);
    if (card && listed) replace(listed, card);
    else if (card && belongs(card)) held.set(id, card);
    else if (!card && listed) fade(listed, states.get(id));
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

const at = (card) => Number(card.dataset.at);

function replace(old, card) {
  card.classList.toggle("is-open", old.classList.contains("is-open"));
  card.classList.toggle("has-news", old.classList.contains("has-news") || at(card) > at(old));
  card.querySelector(".card-check").checked = old.querySelector(".card-check").checked;
  const focused = old.contains(document.activeElement) ? document.activeElement.className : "";
  old.replaceWith(document.adoptNode(card));
  window.htmx.process(card);
  if (focused) card.querySelector(`.${focused.split(" ")[0]}`)?.focus({ preventScroll: true });
  tick(card);
}

function fade(card, state) {
  card.classList.add("is-gone");
  card.querySelector("[data-holder]").textContent = state ? takenWords(state) || "no longer in this view" : "no longer in this view";
}

function takenWords(state) {
  const who = state.claimed_by_name || (state.assignee === me ? "you" : state.assignee_name);
  if (state.status === "resolved") return who ? `resolved · ${who}` : "resolved";
  if (state.status === "snoozed") return "snoozed";
  if (state.status === "waiting") return who ? `answered · ${who}` : "answered";
  if (state.claimed_by) return state.claimed_by === me ? "You are on it" : `${who} is on it`;
  if (state.assignee) return state.assignee === me ? "yours" : who;
  return "";
}

/** A frame says who has it: shown at once, the card's other words follow. */
export function showStates(changed) {
  for (const state of changed) {
    states.set(state.id, state);
    const card = cardOf(state.id);
    if (!card) continue;
    card.querySelector("[data-holder]").textContent = takenWords(state);
    card.classList.toggle("is-taken", Boolean(state.claimed_by) && state.claimed_by !== me);
  }
  want(changed.map((state) => state.id));
}

/** The agent dealt with it: it leaves the list at once, and the next one is at hand. */
export async function leave(id) {
  const card = cardOf(id);
  if (!card) return null;
  const fresh = parse(await fetchPart(`${desk.dataset.cardsUrl}?ids=${id}&${feed().dataset.query}`));
  if (fresh.has(id)) {
    replace(card, fresh.get(id));
    return null;
  }
  const next = neighbour(card, 1) || neighbour(card, -1);
  card.remove();
  feed().querySelector("[data-feed-empty]").hidden = cards().length > 0;
  return next;
}

export function neighbour(card, step) {
  const all = cards();
  return all[card ? all.indexOf(card) + step : step > 0 ? 0 : -1] ?? null;
}

export function showPill() {
  const pill = feed().querySelector("[data-pill]");
  const words = overflowed ? `${MOST}+ new` : `${held.size} new`;
  pill.hidden = !overflowed && held.size === 0;
  if (pill.hidden || pill.querySelector("[data-pill-words]").textContent === words) return;
  pill.querySelector("[data-pill-words]").textContent = words;
  if (Date.now() - saidAt > 5000) {
    saidAt = Date.now();
    announce(`${words} ${held.size === 1 ? "conversation" : "conversations"} in ${feed().dataset.title}`);
  }
}

/** The pill was pressed: the only moment at which the list makes room. */
export function showHeld() {
  if (overflowed || feed().dataset.sort === "due") return reload();
  list().querySelectorAll(".is-gone").forEach((card) => card.remove());
  const present = cards();
  for (const card of [...held.values()].sort((a, b) => at(b) - at(a))) {
    list().insertBefore(card, present.find((other) => at(other) <= at(card)) ?? list().querySelector("[data-more]"));
    window.htmx.process(card);
  }
  held.clear();
  feed().querySelector("[data-feed-empty]").hidden = true;
  tick(list());
  showPill();
  feed().querySelector("[data-feed-scroll]").scrollTo({ top: 0 });
  return undefined;
}

function reload() {
  window.htmx.ajax("GET", `${desk.dataset.deskUrl}?${feed().dataset.query}`, { target: "#feed", swap: "outerHTML" });
}

/** Another list is shown: what waited for the old one is forgotten. */
export function forget() {
  held.clear();
  wanted.clear();
  overflowed = false;
}

export function showCounts(views) {
  for (const element of document.querySelectorAll("[data-count]")) {
    const count = views[element.dataset.count];
    if (count !== undefined) element.textContent = count >= 1000 ? "999+" : count;
  }
}

/** After a gap: counts, the cards that are shown, and the newest page, without moving what is read. */
export async function catchUp() {
  const { query } = feed().dataset;
  try {
    const [counts, page] = await Promise.all([fetchPart(desk.dataset.countsUrl), fetchPart(`${desk.dataset.feedUrl}?${query}`)]);
    showCounts(JSON.parse(counts).views);
    if (query !== feed().dataset.query) return;
    const fresh = parse(page);
    want(cards().map((card) => Number(card.dataset.card)).filter((id) => !fresh.has(id)));
    apply([...fresh.keys()], fresh);
  } catch {
    // Still away: the next connection catches up.
  }
}
