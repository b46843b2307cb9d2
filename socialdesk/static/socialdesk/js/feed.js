// The list of conversations: its cards, what frames and acts do to them, and which pane a small screen shows.

import { fetchPart, tick } from "desk/page";

export const desk = document.querySelector("[data-desk]");
const me = Number(desk.dataset.agent);
const LINE = 20; // pixels of a line of text
const states = new Map(); // id -> what the last frame said of a conversation

export const feed = () => document.getElementById("feed");
export const list = () => feed().querySelector("[data-cards]");
export const cards = () => [...list().querySelectorAll("[data-card]")];
export const cardOf = (id) => list().querySelector(`[data-card="${id}"]`);
export const at = (card) => Number(card.dataset.at);

export function show(pane) {
  desk.dataset.pane = pane;
}

/** Cards by id, from a fragment. */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return new Map([...template.content.querySelectorAll("[data-card]")].map((card) => [Number(card.dataset.card), card]));
}

export async function fetchCards(ids) {
  return parse(await fetchPart(`${desk.dataset.cardsUrl}?ids=${[...ids].join()}&${feed().dataset.query}`));
}

/** What a card says, but for the times, which are kept right here. */
function said(card) {
  const copy = card.cloneNode(true);
  for (const time of copy.querySelectorAll("[data-ago], [data-due]")) time.replaceChildren(time.dataset.due ?? "");
  return `${card.dataset.at} ${card.classList.contains("is-gone")} ${copy.textContent.replace(/\s+/g, " ")}`;
}

/** A card with newer words takes the old one's place and its height, and keeps what the person did to it. */
export function replace(old, card) {
  if (said(old) === said(card)) return;
  const text = card.querySelector(".card-text");
  const height = old.querySelector(".card-text").offsetHeight;
  const focused = old.contains(document.activeElement) ? document.activeElement.classList[0] : "";
  card.classList.toggle("is-open", old.classList.contains("is-open"));
  card.classList.toggle("has-news", old.classList.contains("has-news") || at(card) > at(old));
  card.querySelector(".card-check").checked = old.querySelector(".card-check").checked;
  if (old.querySelector(".card-link[aria-current]")) card.querySelector(".card-link").setAttribute("aria-current", "true");
  old.replaceWith(card);
  text.style.blockSize = `${height}px`; // what stands below it must not move
  text.style.setProperty("-webkit-line-clamp", Math.max(1, Math.round(height / LINE)));
  window.htmx.process(card);
  tick(card);
  if (focused) card.querySelector(`.${focused}`)?.focus({ preventScroll: true });
}

/** It does not belong here any more: it says why and stays where it is, so that nothing jumps. */
export function fade(card) {
  const state = states.get(Number(card.dataset.card));
  card.classList.add("is-gone");
  card.querySelector("[data-holder]").textContent = (state && holderWords(state)) || "no longer in this view";
}

function holderWords(state) {
  const who = state.claimed_by_name || (state.assignee === me ? "you" : state.assignee_name);
  const by = who ? ` · ${who}` : "";
  if (state.status === "resolved") return `resolved${by}`;
  if (state.status === "snoozed") return "snoozed";
  if (state.status === "waiting") return `answered${by}`;
  if (state.claimed_by) return state.claimed_by === me ? "You are on it" : `${who} is on it`;
  return state.assignee === me ? "yours" : who;
}

/** A frame says who has it: shown at once, the card's other words follow. */
export function showStates(changed) {
  for (const state of changed) {
    states.set(state.id, state);
    const card = cardOf(state.id);
    if (!card) continue;
    card.querySelector("[data-holder]").textContent = holderWords(state);
    card.classList.toggle("is-taken", Boolean(state.claimed_by) && state.claimed_by !== me);
  }
}

/** The agent dealt with these: what does not fit any more leaves at once. Returns the card that is then at hand, if any left. */
export async function leave(ids) {
  const listed = ids.filter(cardOf);
  const fresh = listed.length ? await fetchCards(listed) : new Map();
  let next = null;
  for (const id of listed) {
    const card = cardOf(id);
    if (fresh.has(id)) replace(card, fresh.get(id));
    else {
      next = neighbour(card, 1) ?? neighbour(card, -1);
      card.remove();
    }
  }
  showEmpty();
  return next?.isConnected ? next : null;
}

export function neighbour(card, step) {
  const all = cards();
  return all[card ? all.indexOf(card) + step : step > 0 ? 0 : all.length - 1] ?? null;
}

export function focusCard(card) {
  card?.querySelector(".card-link").focus({ preventScroll: true });
}

export function showEmpty() {
  feed().querySelector("[data-feed-empty]").hidden = cards().length > 0;
}

export function showOpen(id) {
  for (const card of cards()) {
    const isOpen = card.dataset.card === id;
    card.classList.toggle("is-open", isOpen);
    if (isOpen) card.classList.remove("has-news");
    if (isOpen) card.querySelector(".card-link").setAttribute("aria-current", "true");
    else card.querySelector(".card-link").removeAttribute("aria-current");
  }
}

export function showTroubled(number) {
  document.querySelector("[data-troubled]").hidden = number === 0;
  document.querySelector("[data-troubled-count]").textContent = number;
}

export function showCounts(views) {
  for (const element of document.querySelectorAll("[data-count]")) {
    const count = views[element.dataset.count];
    if (count !== undefined) element.textContent = count >= 1000 ? "999+" : count;
  }
}
