// The composer: one text for each door, counted as the network counts, kept here at once and on the server soon after.

import { typedUntil } from "desk/acts";
import { length } from "desk/length";
import { announce } from "desk/page";
import { differs, keepValues } from "desk/renew";

const SAVE_AFTER = 700;
const TYPING_EVERY = 5_000;
const agent = document.querySelector("[data-desk]").dataset.agent;

let composer = null;
let conversation = 0;
let sayDoing = () => {};
let saidTypingAt = 0;
const utf8 = new TextEncoder();
const timers = new Map();
const saving = new Map(); // name of a draft -> its last request
const sent = new WeakMap(); // form -> the text that was sent with it last
let writes = 0; // of drafts, each counted when it begins and when it ends
let underWay = 0;

const forms = () => [...composer.querySelectorAll("[data-writing]")];
const formOf = (kind) => composer.querySelector(`[data-writing="${kind}"]`);
const textOf = (form) => form.querySelector("textarea");
const doorOf = (form) => composer.querySelector(`[data-door="${form.dataset.writing}"]`);
// Of the form and not of what is open: a text may be saved after the next conversation was opened.
const nameOf = (form) => `draft ${agent} ${form.dataset.draftUrl} ${form.dataset.writing}`;

// Only pages over HTTPS, or of this machine, may ask for a UUID.
const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

export function bind(element, id, say) {
  composer = element;
  conversation = id;
  sayDoing = say;
  for (const form of forms()) {
    // What is kept here has not reached the server yet: it is newer than what came with the page.
    const kept = localStorage.getItem(nameOf(form));
    const ahead = typedBefore(textOf(form));
    if (kept !== null) {
      textOf(form).value = kept + ahead;
      saveSoon(form);
    }
    if (ahead) typed(form);
    else measure(form);
    form.addEventListener("input", () => typed(form));
    form.addEventListener("submit", () => sent.set(form, textOf(form).value));
    if (form.elements.variant) form.addEventListener("focusin", () => import("desk/templates"), { once: true });
    form.querySelector("[data-templates]")?.addEventListener("click", () => openTemplates(textOf(form)));
    if (form.querySelector("[data-pictures]")) import("desk/pictures").then(({ bind: bindPictures }) => bindPictures(form, () => typed(form)));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        if (!form.querySelector(".send").disabled) form.requestSubmit(form.querySelector(".send"));
      }
    });
  }
}

/** What somebody typed at the end of a text before this script had come. Where nobody is at it, a browser put back what it knew. */
function typedBefore(text) {
  const { value, defaultValue } = text;
  return document.activeElement === text && value.startsWith(defaultValue) ? value.slice(defaultValue.length) : "";
}

/** What is typed while the list is on its way belongs into its field. */
async function openTemplates(text) {
  let templates = null;
  const words = await typedUntil(import("desk/templates").then((module) => (templates = module)).catch(() => null));
  if (words !== null) templates.open(text, words);
}

function typed(form) {
  localStorage.setItem(nameOf(form), textOf(form).value);
  form.elements.request_key.value = newKey(); // another text is another message
  measure(form);
  saveSoon(form);
  if (Date.now() - saidTypingAt > TYPING_EVERY) {
    saidTypingAt = Date.now();
    sayDoing("typing");
  }
}

function measure(form) {
  const text = textOf(form).value.trim();
  const limit = Number(form.dataset.limit);
  const size = length(text, form.dataset.unit);
  const mostBytes = Number(form.dataset.bytes);
  const excess = mostBytes > 0 ? utf8.encode(text).length - mostBytes : 0;
  const over = (limit > 0 && size > limit) || excess > 0;
  const counter = form.querySelector("[data-length]");
  if (limit > 0 && size > limit) counter.textContent = `${size - limit} too long: ${size} / ${limit}`;
  else if (excess > 0) counter.textContent = sayBytes(text, excess, form.dataset.network);
  else counter.textContent = limit && (text || limit < 5000) ? `${size} / ${limit}` : "";
  counter.classList.toggle("over", over);
  if (!text && form.elements.variant) form.elements.variant.value = ""; // nothing is left of the template
  const send = form.querySelector(".send");
  send.disabled = over || form.querySelector(`#obstacle-${form.dataset.writing}`) !== null;
  doorOf(form).parentElement.querySelector("[data-has-draft]").hidden = !text;
}

/** What the counter cannot show: a text that fits as people count it, and not as the network stores it. */
function sayBytes(text, excess, network) {
  const why = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(text) ? "emoji take several" : "many letters take two or more";
  return `Too long for ${network} by ${excess} byte${excess === 1 ? "" : "s"}: ${why}`;
}

/** Everything that is typed is on the server, or was tried to be; and so is that a draft is empty since it was sent. */
export async function flush() {
  if (composer?.isConnected) await Promise.all(forms().filter((form) => localStorage.getItem(nameOf(form)) !== null).map(save));
  await settled();
}

function saveSoon(form) {
  clearTimeout(timers.get(nameOf(form)));
  timers.set(nameOf(form), setTimeout(() => save(form), SAVE_AFTER));
}

/** One after the other, so that an older text never arrives after a newer one. */
function save(form) {
  const name = nameOf(form);
  clearTimeout(timers.get(name));
  saving.set(name, (saving.get(name) ?? Promise.resolve()).then(() => put(form, name)));
  return saving.get(name);
}

async function put(form, name) {
  const text = textOf(form).value;
  const body = new FormData();
  for (const field of ["csrfmiddlewaretoken", "kind", "request_key"]) body.set(field, form.elements[field].value);
  body.set("text", text);
  const kept = form.querySelector("[data-kept]");
  writes += 1;
  underWay += 1;
  try {
    const keepalive = text.length < 20_000; // browsers take no more from a page that is being left
    const response = await fetch(form.dataset.draftUrl, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive });
    if (!response.ok) throw new Error("refused");
    if (localStorage.getItem(name) === text) localStorage.removeItem(name);
    kept.textContent = text.trim() ? "Draft kept" : "";
  } catch {
    kept.textContent = "Draft kept on this machine only";
  } finally {
    writes += 1;
    underWay -= 1;
  }
}

/** What to ask before a pane is fetched: whether its drafts are still the newest is told from that. */
export const writesSoFar = () => writes;

/** Resolves once no draft is on its way to the server. */
export const settled = () => Promise.all(saving.values());

/**
 * After the pane was fetched again: obstacles and targets follow, unless somebody is writing to what they see. `asked` is how many writes
 * there were before. A draft was sent or written since? Then an older one must not come back: true says that it has to be fetched again.
 */
export function update(fresh, asked) {
  const isNewest = asked === writes && underWay === 0;
  let isBehind = false;
  for (const form of forms()) {
    const now = fresh.querySelector(`[data-writing="${form.dataset.writing}"]`);
    const text = textOf(form);
    const obstacle = form.querySelector(`#obstacle-${form.dataset.writing}`);
    const newObstacle = now.querySelector(`#obstacle-${form.dataset.writing}`);
    const promise = form.querySelector(".promise");
    const newPromise = now.querySelector(".promise"); // until when it is taken changes with what they write
    if (differs(promise, newPromise)) promise.replaceChildren(...newPromise.cloneNode(true).childNodes);
    const hadFocus = obstacle?.contains(document.activeElement);
    if (!obstacle || !newObstacle || differs(obstacle, newObstacle)) {
      obstacle?.remove();
      if (newObstacle) form.querySelector(".promise").after(newObstacle);
    }
    if (hadFocus) (newObstacle?.querySelector("button") ?? text).focus({ preventScroll: true });
    text.setAttribute("aria-describedby", textOf(now).getAttribute("aria-describedby"));
    // Who was told that somebody answered already decides by the button there.
    const mayFollow = !form.querySelector('[data-refusal="already_answered"]');
    if (mayFollow && (!text.value.trim() || text.value === text.defaultValue)) {
      if (document.activeElement !== text && !localStorage.getItem(nameOf(form))) {
        if (isNewest || text.value === textOf(now).value) text.value = text.defaultValue = textOf(now).value;
        else isBehind = true;
      }
      for (const field of ["mention", "answer_seen"]) if (form.elements[field]) form.elements[field].value = now.elements[field].value;
    }
    swapWhy(form, now);
    for (const most of ["limit", "bytes"]) form.dataset[most] = now.dataset[most];
    measure(form);
  }
  return isBehind;
}

/** What a private message is asked for: kept while somebody is choosing there, and so is what they chose. */
function swapWhy(form, now) {
  const why = form.querySelector("[data-hop-why]");
  const fresh = now.querySelector("[data-hop-why]");
  if (!why || why.contains(document.activeElement)) return;
  const names = (part) => [...part.querySelectorAll("[name]")].map((field) => field.name).join();
  if (names(why) === names(fresh)) return;
  keepValues(why, fresh, "name");
  why.replaceWith(fresh);
}

/** An answer that comes late moves neither the door nor the focus of somebody who types elsewhere by now. */
function isTypedOutside(form) {
  const active = document.activeElement;
  return active.matches("textarea, select, input:not([type=checkbox], [type=radio])") && !form.contains(active);
}

/** A text was not sent: it is a draft again, before what was typed since. `fresh` is the pane as the server has it. */
export function giveBack(kind, fresh, { opens = true } = {}) {
  const form = formOf(kind);
  const text = fresh.querySelector(`[data-writing="${kind}"] textarea`).value;
  const unsaved = localStorage.getItem(nameOf(form)) ?? "";
  if (!text) return;
  textOf(form).value = textOf(form).defaultValue = text.includes(unsaved) ? text : `${text}\n\n${unsaved}`;
  if (opens && !isTypedOutside(form)) doorOf(form).checked = true;
  else if (opens) announce(`The text is a draft again: ${textOf(form).ariaLabel}.`);
  if (form.querySelector("[data-pictures]")) import("desk/pictures").then(({ renew }) => renew(fresh));
  measure(form);
  saveSoon(form); // an older text may still be on its way to the server
}

/** Puts an address into the text of the door that is open; a note holds no link for the customer, so then into the public one. */
export function insert(address) {
  const open = composer.querySelector("[data-door]:checked").dataset.door;
  const form = formOf(open === "note" ? "reply" : open);
  const field = textOf(form);
  const place = field.value.indexOf("{link}"); // a template says where it belongs
  const [start, end] = place < 0 ? [field.selectionEnd, field.selectionEnd] : [place, place + "{link}".length];
  const gap = /\S$/.test(field.value.slice(0, start)) ? " " : "";
  if (isTypedOutside(form)) {
    announce(`The link stands in the draft: ${field.ariaLabel}.`);
  } else {
    doorOf(form).checked = true;
    field.focus();
  }
  field.setRangeText(`${gap}${address}`, start, end, "end");
  typed(form);
}

// What is taken back becomes a draft again: before that, all that was to be written to it has been.
document.addEventListener("htmx:confirm", (event) => {
  if (!event.target.matches("form:has([data-undo], [data-act=withdraw])")) return;
  event.preventDefault();
  flush().then(() => event.detail.issueRequest(true));
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-insert]");
  if (button) insert(button.dataset.insert);
});

/** What was typed between the sending and the answer to it: the next text. */
function typedSince(form) {
  const text = textOf(form).value;
  const before = sent.get(form) ?? text;
  return text.startsWith(before) ? text.slice(before.length).trimStart() : text;
}

/** A message left: its text goes, before anything else is typed. An acknowledgement leaves the text and has been seen by who pressed it. */
document.addEventListener("desk:done", ({ detail }) => {
  if (detail.did === "acknowledged" && detail.conversation === conversation) formOf("reply").elements.answer_seen.value = detail.answer;
  if (!["queued", "waiting", "noted"].includes(detail.did)) return;
  const name = `draft ${agent} /conversations/${detail.conversation}/draft/ ${detail.kind}`;
  clearTimeout(timers.get(name));
  localStorage.removeItem(name);
  if (detail.conversation !== conversation) return; // the next one was opened meanwhile
  const form = formOf(detail.kind);
  const since = typedSince(form);
  textOf(form).value = textOf(form).defaultValue = since;
  if (since) localStorage.setItem(name, since);
  form.querySelector(".refusal").replaceChildren();
  form.elements.request_key.value = newKey();
  measure(form);
  save(form); // the draft that was on its way while it was sent must not come back
  const active = document.activeElement;
  if (active === document.body || (form.contains(active) && !since)) document.getElementById("thread-title").focus({ preventScroll: true });
});
