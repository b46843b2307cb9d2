// What every page needs: the colour switch, spoken announcements, words for requests that failed, and times that stay right.

const YEAR = 60 * 60 * 24 * 365;
const DAY = 86400;
const SOON = 5 * 60;

export function remember(name, value) {
  const age = value ? YEAR : 0;
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${age}; samesite=lax`;
}

/** Say something to a screen reader when it has a moment. */
export function announce(words) {
  const region = document.getElementById("announcer");
  region.textContent = region.textContent === words ? `${words} ` : words;
}

const GOOD_NEWS = 12_000; // milliseconds for which it stays, unless somebody is at it

/** Show a problem until it is put away: what happened, and what to do; `link` ({href, words}) leads there. Good news go by themselves. */
export function toast(words, { link = null, isGood = false } = {}) {
  const box = document.createElement("div");
  box.className = isGood ? "toast good" : "toast";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button small";
  close.textContent = "Close";
  close.addEventListener("click", () => box.remove());
  box.append(words);
  if (link) box.append(Object.assign(document.createElement("a"), { href: link.href, textContent: link.words }));
  box.append(close);
  const area = document.getElementById("toasts");
  while (area.children.length > 2) area.firstElementChild.remove();
  area.append(box);
  if (isGood) setTimeout(() => box.matches(":hover, :focus-within") || box.remove(), GOOD_NEWS);
}

/** A part of the page as text. Raises when the desk cannot be reached or refuses. */
export async function fetchPart(url) {
  const response = await fetch(url, { headers: { "HX-Request": "true" } });
  if (!response.ok) throw new Error(reasonOf(response.status, await response.text()));
  return response.text();
}

/** The sentence in a refusal, or one for the kinds of failure that bring none. */
export function reasonOf(status, body) {
  if (status === 0) return "The desk cannot be reached. Check your connection; nothing was changed.";
  try {
    const { detail } = JSON.parse(body);
    if (detail) return detail;
  } catch {
    // not JSON: one of the sentences below says it
  }
  if (status === 403) return "You are signed out, or may not do this. Reload the page and try again.";
  if (status === 404) return "That is no longer there. Reload the page to see what is.";
  return "The desk could not do that. Nothing was changed; try again in a moment.";
}

// Where the places do not fit side by side they scroll: the one that is open is in sight.
document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const theme = event.target.value;
  remember("theme", theme);
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
});

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, ({ detail: { xhr } }) => toast(reasonOf(xhr.status, xhr.responseText)));
}

// A refusal that is a part of the page takes its place there; one that is only a sentence is said.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr } = detail;
  if (xhr.status < 400 || detail.isError || !xhr.getResponseHeader("Content-Type")?.includes("json")) return;
  detail.shouldSwap = false;
  toast(reasonOf(xhr.status, xhr.responseText));
});

// A part that renews itself leaves a button alone while somebody presses it: the press would go nowhere. It asks again soon.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.matches("[hx-trigger^=every]") && detail.target.querySelector("button:active")) detail.shouldSwap = false;
});

// A film or sound that does not play says where it can be found. Its error does not bubble.
document.addEventListener(
  "error",
  ({ target }) => {
    const words = target.matches?.("video, audio") && target.parentElement.querySelector("[data-unplayable]");
    if (!words || !words.hidden) return;
    words.hidden = false;
    announce(words.textContent);
  },
  true,
);

// Times in the words people say. Mirrors listening/templatetags/desk.py.

function spanWords(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}h`;
  return `${Math.floor(minutes / 1440)}d`;
}

export function clockWords(seconds) {
  if (seconds >= 60) return `${spanWords(seconds)} left`;
  if (seconds >= 0) return "under 1m left";
  return seconds <= -60 ? `late ${spanWords(-seconds)}` : "just late";
}

/** What an old time says does not change any more: null leaves the server's date. */
export function agoWords(seconds) {
  if (seconds < 60) return "now";
  return seconds < 7 * DAY ? spanWords(seconds) : null;
}

function set(element, words) {
  if (words !== null && element.textContent !== words) element.textContent = words;
}

export function tick(root = document) {
  const now = Date.now() / 1000;
  for (const clock of root.querySelectorAll("[data-due]")) {
    const left = Number(clock.dataset.due) - now;
    set(clock, clockWords(left));
    clock.classList.toggle("late", left < 0);
    clock.classList.toggle("soon", left >= 0 && left < SOON);
  }
  for (const time of root.querySelectorAll("[data-ago]")) set(time, agoWords(now - Number(time.dataset.ago)));
}

setInterval(() => document.hidden || tick(), 5000);
document.addEventListener("visibilitychange", () => document.hidden || tick());
