// The chat strip of the open conversation: its own door, what the visitor types, and that ours is typed.

import { announce, reasonOf, toast } from "desk/page";

const TYPING_EVERY = 4_000;
const TYPING_SHOWN = 6_000;
const DOOR_WITHIN = 30_000; // milliseconds for the door of an accepted chat to come; later nobody waits for it
const OVER = "This chat is over for you. Your text stands here to copy.";
const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

let strip = null;
let saidTypingAt = 0;
const typing = new Map(); // the chats whose visitor types -> the timer that ends it

const writing = (part = strip) => part?.querySelector("[data-chat-writing]");
const kept = (form) => `chat ${form.dataset.chatWriting}`;

export function bind(element) {
  strip = element;
  bindForm(writing());
}

function bindForm(form) {
  if (!form) return;
  const text = form.elements.text;
  text.value = sessionStorage.getItem(kept(form)) ?? text.value;
  text.addEventListener("input", () => {
    sessionStorage.setItem(kept(form), text.value);
    if (isOver(form) || Date.now() - saidTypingAt < TYPING_EVERY) return;
    saidTypingAt = Date.now();
    post(form.dataset.typingUrl, form).catch(() => null); // a hint: nobody misses it
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

/** Sends what stands there. The field is free for the next line at once; what is refused comes back into it. */
async function send(form, said = form.elements.text.value, key = newKey()) {
  if (!said.trim()) return;
  if (isOver(form)) {
    announce(OVER);
    return;
  }
  const text = form.elements.text;
  text.value = "";
  sessionStorage.removeItem(kept(form));
  saidTypingAt = 0;
  try {
    const response = await post(form.action, form, { text: said, client_key: key });
    if (response.ok) return;
    toast(reasonOf(response.status, await response.text()));
  } catch {
    toast("The desk cannot be reached. Your line stands in the field again.");
  }
  text.value = text.value ? `${said}\n${text.value}` : said;
  sessionStorage.setItem(kept(form), text.value);
}

function post(url, form, fields = {}) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return fetch(url, { method: "POST", body, headers: { "HX-Request": "true" } });
}

/** After the pane was fetched again: the door comes and goes with the chat; what is typed in it stays. */
export function update(fresh) {
  showTyping();
  const [old, now] = [writing(), writing(fresh)];
  if (now) {
    if (!old || isOver(old) || old.dataset.chatWriting !== now.dataset.chatWriting) change(old, now);
  } else if (old?.contains(document.activeElement) || old?.elements.text.value.trim()) {
    if (!isOver(old)) close(old); // no line vanishes under the hands, and its next letters become no commands
  } else {
    old?.remove();
  }
}

function change(old, now) {
  const said = old?.elements.text.value;
  const hadFocus = old?.contains(document.activeElement);
  old?.remove();
  strip.append(now);
  bindForm(now);
  if (said) {
    now.elements.text.value = said;
    sessionStorage.removeItem(kept(old));
    sessionStorage.setItem(kept(now), said);
  }
  if (hadFocus) now.elements.text.focus({ preventScroll: true });
}

const isOver = (form) => form.matches("[data-is-over]");

function close(form) {
  form.dataset.isOver = "";
  form.querySelector(".promise").textContent = OVER;
  if (document.activeElement === form.querySelector(".send")) form.elements.text.focus({ preventScroll: true });
  form.querySelector(".send").disabled = true;
  form.addEventListener("focusout", () => form.elements.text.value.trim() || form.remove());
  announce(OVER);
}

/** The key `h`: accept the chat that waits here, else write in ours. */
export function goTo() {
  const accept = strip?.querySelector('[data-act="accept_chat"]');
  if (accept) accept.click();
  else if (writing() && !isOver(writing())) writing().elements.text.focus();
  else announce("No chat goes on here.");
}

document.addEventListener("desk:done", ({ detail }) => {
  if (detail.did !== "chat_accepted") return;
  // The door comes with the next look at the pane, unless the frame that says the same was quicker than this answer.
  const goIn = () => {
    if (writing()?.dataset.chatWriting !== String(detail.chat)) return;
    wait.disconnect();
    if (!document.activeElement.matches("textarea, select, input:not([type=checkbox], [type=radio])")) writing().elements.text.focus();
  };
  const wait = new MutationObserver(goIn);
  if (strip) wait.observe(strip, { childList: true });
  setTimeout(() => wait.disconnect(), DOOR_WITHIN);
  goIn();
});

document.addEventListener("live", ({ detail }) => {
  if (detail.type === "chat.typed") for (const { chat, doing } of detail.chats) noteTyping(chat, doing === "typing");
});

function noteTyping(chat, goesOn) {
  clearTimeout(typing.get(chat));
  if (goesOn) typing.set(chat, setTimeout(noteTyping, TYPING_SHOWN, chat, false));
  else typing.delete(chat);
  showTyping();
}

function showTyping() {
  for (const line of strip?.querySelectorAll("[data-chat-typing]") ?? []) {
    const words = typing.has(Number(line.dataset.chatTyping)) ? "is typing…" : "";
    if (line.textContent !== words) line.textContent = words;
  }
}
