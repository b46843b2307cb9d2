// The visitor's chat made live. Without this file the same page works by forms and links.

const WAITS = [1, 2, 4, 8, 15]; // seconds before each further try
const TYPING_EVERY = 3_000;
const TYPING_SHOWN = 6_000;
const NO_LINK = 4404; // the server's close code
const NEVER_AGAIN = [4400, NO_LINK];

const begin = document.querySelector("[data-chat-begin]");
const list = document.querySelector("[data-lines]");
const log = list?.parentElement;
const code = begin?.dataset.chatBegin ?? list?.dataset.chat;
const store = `chat ${code}`;
const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

// The link alone shows nobody what was written: this browser remembers the key of its own chat.
if (begin) {
  const key = localStorage.getItem(store);
  begin.elements.text.value ||= sessionStorage.getItem(store) ?? "";
  sessionStorage.removeItem(store);
  if (key) location.replace(`${begin.dataset.chatGoOn}&k=${encodeURIComponent(key)}`);
  begin.addEventListener("submit", () => (begin.querySelector("button").disabled = true));
  window.addEventListener("pageshow", () => (begin.querySelector("button").disabled = false));
} else if (list) {
  const goesOn = Boolean(document.querySelector("[data-chat-say]"));
  if (goesOn) localStorage.setItem(store, list.dataset.key);
  else localStorage.removeItem(store);
  for (const time of list.querySelectorAll("time")) localise(time);
  log.scrollTop = log.scrollHeight;
  if (goesOn) live();
}

function localise(time) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString(list.dataset.language, { hour: "2-digit", minute: "2-digit" });
}

function live() {
  const form = document.querySelector("[data-chat-say]");
  const field = form.elements.text;
  const status = document.querySelector("[data-status]");
  const typing = document.querySelector("[data-typing-line]");
  const error = form.querySelector("[data-error]");
  const pending = new Map(); // client key -> {text, item, isUnderWay}
  let socket = null;
  let greeted = false;
  let wasGreeted = false;
  let tries = 0;
  let words = status.textContent;
  let typedAt = 0;
  let timer = 0;

  const lastNumber = () => Math.max(0, ...[...list.querySelectorAll("[data-number]")].map((item) => Number(item.dataset.number)));
  const tell = (frame) => socket.send(JSON.stringify(frame));

  function connect() {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat/${code}/`);
    socket.addEventListener("open", () => {
      tell({ type: "hello", key: list.dataset.key, after: lastNumber(), language: list.dataset.language });
    });
    socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code: why }) => {
      greeted = false;
      for (const one of pending.values()) one.isUnderWay = false; // nobody knows whether they arrived; stored once they are either way
      if (NEVER_AGAIN.includes(why)) {
        giveUp(why);
        return;
      }
      if (tries) say(status, list.dataset.lost);
      setTimeout(connect, WAITS[Math.min(tries, WAITS.length - 1)] * 1000);
      tries += 1;
    });
  }

  function hear(frame) {
    if (frame.type === "chat") {
      greeted = wasGreeted = true;
      tries = 0;
      words = frame.status;
      say(status, words);
      status.classList.toggle("good", frame.state === "active");
      for (const line of frame.lines) add(line);
      if (["ended", "offline"].includes(frame.state)) lookAgain();
      else resend();
    } else if (frame.type === "typing") {
      say(typing, list.dataset.typing);
      clearTimeout(timer);
      timer = setTimeout(() => say(typing, ""), TYPING_SHOWN);
    } else if (frame.type === "taken") {
      pending.get(frame.client_key)?.item.remove();
      pending.delete(frame.client_key);
    } else if (frame.type === "refused") {
      const refused = pending.get(frame.client_key);
      refused?.item.remove();
      pending.delete(frame.client_key);
      say(error, frame.words);
      if (refused) field.value = [refused.text, field.value].filter(Boolean).join("\n");
    } else if (frame.type === "unknown") {
      localStorage.removeItem(store);
    }
  }

  const unsent = () => [...[...pending.values()].map((one) => one.text), field.value.trim()].filter(Boolean).join("\n");

  /** The page as it is now; what is not sent waits for a field there. */
  function lookAgain() {
    if (unsent()) sessionStorage.setItem(store, unsent());
    location.replace(location.href.split("#")[0]);
  }

  /** The server wants no more of this page. Where the link is gone a new page would have no field: what was written stays here to copy. */
  function giveUp(why) {
    if (why !== NO_LINK || !unsent()) {
      if (wasGreeted || pending.size) lookAgain();
      return;
    }
    field.value = unsent();
    for (const { item } of pending.values()) item.remove();
    pending.clear();
    say(typing, "");
    say(status, list.dataset.gone);
    status.classList.replace("good", "bad");
    form.querySelector("button").disabled = true;
  }

  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function add(line) {
    if (line.number <= lastNumber()) return;
    if (line.is_ours) say(typing, "");
    const item = bubble(line.who, line.text, line.is_ours);
    item.dataset.number = line.number;
    const time = document.createElement("time");
    time.dateTime = line.at;
    localise(time);
    item.querySelector(".who").append(time);
    place(item);
  }

  function bubble(who, text, isOurs) {
    const item = document.createElement("li");
    item.className = isOurs ? "line ours" : "line";
    const name = Object.assign(document.createElement("span"), { className: "who" });
    name.append(Object.assign(document.createElement("bdi"), { textContent: who }));
    item.append(name, Object.assign(document.createElement("span"), { className: "said", dir: "auto", textContent: text }));
    return item;
  }

  /** Taken lines stand before those that are on their way. */
  function place(item) {
    list.insertBefore(item, list.querySelector(".sending"));
    log.scrollTop = log.scrollHeight;
  }

  function resend() {
    for (const [key, one] of pending) {
      if (one.isUnderWay) continue;
      one.isUnderWay = true;
      tell({ type: "line", text: one.text, client_key: key });
    }
  }

  field.value ||= sessionStorage.getItem(store) ?? "";
  sessionStorage.removeItem(store);
  form.addEventListener("submit", (event) => {
    if (!greeted && !tries) return; // not live yet: the form goes by itself
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    say(error, "");
    const item = bubble(list.dataset.you, text, false);
    item.classList.add("sending");
    item.querySelector(".who").append(Object.assign(document.createElement("span"), { textContent: list.dataset.sending }));
    list.append(item);
    log.scrollTop = log.scrollHeight;
    pending.set(newKey(), { text, item, isUnderWay: false });
    field.value = "";
    if (greeted) resend();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!form.querySelector("button").disabled) form.requestSubmit();
  });
  field.addEventListener("input", () => {
    if (!greeted || Date.now() - typedAt < TYPING_EVERY) return;
    typedAt = Date.now();
    tell({ type: "typing" });
  });
  window.addEventListener("online", () => greeted || socket.readyState === WebSocket.CONNECTING || socket.close());
  connect();
}
