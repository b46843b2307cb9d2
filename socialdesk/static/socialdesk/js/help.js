// Every key, in one dialog.

import { remember } from "desk/page";

const GROUPS = {
  "In the list": [
    ["j k", "next, previous"],
    ["Enter", "open"],
    ["x", "select for acting on many"],
    [".", "show what is new"],
    ["/", "search"],
  ],
  "With a conversation": [
    ["c", "claim"],
    ["a", "assign"],
    ["o", "hand over"],
    ["s", "snooze"],
    ["t", "make it a ticket"],
    ["w", "we are on it: acknowledge in public, with a promise"],
    ["u", "ask in public to follow us, where private needs it"],
    ["l", "link to a callback, a chat or a choice"],
    ["v", "contacts, calls and verification"],
    ["f", "forward praise; Enter does it without a note"],
    ["y", "like the post, or hide it"],
    ["h", "accept the chat, or write in it"],
    ["e", "resolve"],
    ["1 2 3", "sentiment: negative, neutral, positive"],
  ],
  Write: [
    ["r", "public reply"],
    ["m", "private message"],
    ["n", "note"],
    ["/", "template or article, at the start of a word"],
    ["Ctrl+Enter", "send"],
    ["Alt+Enter", "what a guard stops: write it in private"],
    ["z", "undo"],
  ],
  "Get about": [
    ["g a", "all"],
    ["g m", "mine"],
    ["g u", "unassigned"],
    ["g r", "urgent"],
    ["g n", "negative"],
    ["g h", "proactive"],
    ["g p", "private messages"],
    ["g d", "promises due"],
    ["g c", "chats"],
    ["g w", "waiting"],
    ["g s", "snoozed"],
    ["g e", "resolved"],
    ["g b", "callbacks"],
    ["g o", "returns owed"],
    ["g y", "late tickets"],
    ["g t", "trends"],
    ["g k", "topics"],
    ["g v", "approvals"],
    ["g l", "rules"],
    ["g i", "tickets"],
    ["g f", "praise"],
    ["g x", "outbox"],
    ["g q", "people"],
    ["Ctrl+K", "everything else"],
    ["Esc", "step back; drafts are kept"],
    ["?", "this list"],
  ],
};

let dialog = null;

function build() {
  const element = document.createElement("dialog");
  element.className = "keys";
  element.setAttribute("aria-labelledby", "help-title");
  const close = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "Close" });
  close.addEventListener("click", () => element.close());
  const head = document.createElement("div");
  head.className = "keys-head";
  head.append(Object.assign(document.createElement("h2"), { id: "help-title", textContent: "Keys" }), close);
  const table = Object.assign(document.createElement("div"), { className: "keys-table" });
  for (const [name, keys] of Object.entries(GROUPS)) {
    const section = document.createElement("section");
    const list = document.createElement("dl");
    for (const [key, words] of keys) {
      const term = document.createElement("dt");
      for (const part of key.split(" ")) term.append(Object.assign(document.createElement("kbd"), { textContent: part }), " ");
      list.append(term, Object.assign(document.createElement("dd"), { textContent: words }));
    }
    section.append(Object.assign(document.createElement("h3"), { textContent: name }), list);
    table.append(section);
  }
  const choice = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  box.checked = document.documentElement.dataset.keys !== "off";
  box.addEventListener("change", () => {
    remember("keys", box.checked ? "" : "off");
    document.documentElement.dataset.keys = box.checked ? "on" : "off";
  });
  choice.append(box, "Single keys work. Without them, Ctrl+K, Ctrl+Enter and Esc still do.");
  element.append(head, table, choice);
  document.body.append(element);
  return element;
}

export function open() {
  dialog ??= build();
  if (!dialog.open) dialog.showModal();
}
