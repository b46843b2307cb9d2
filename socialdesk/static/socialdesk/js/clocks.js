// Times in the words people say, kept right while the page is open. Mirrors listening/templatetags/desk.py.

const SOON = 5 * 60;
const DAY = 86400;

export function spanWords(seconds) {
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
