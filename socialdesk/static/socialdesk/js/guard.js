// The guards beside a draft: the words in question underlined, the reason in one sentence, the private door one key away.

const AFTER = 400; // milliseconds without a key
// For these another door is no way out: the text itself has to change.
const NOT_PRIVATELY = new Set(["length", "link", "variable", "wrong_account", "card", "secret", "just_call"]);

let composer = null;
const states = new WeakMap(); // form -> what is known of its text

const forms = () => [...composer.querySelectorAll("[data-check-url]")];
const textOf = (form) => form.querySelector("textarea");

export function bind(element) {
  composer = element;
  for (const form of forms()) {
    states.set(form, { text: "", findings: [], timer: 0, request: null });
    form.addEventListener("input", () => typed(form));
    form.addEventListener("focusin", () => textOf(form).value !== states.get(form).text && check(form));
    textOf(form).addEventListener("scroll", () => align(form));
    new ResizeObserver(() => align(form)).observe(textOf(form)); // a phone was turned, a window made narrower
    form.querySelector("[data-guard]").addEventListener("click", ({ target }) => target.closest("[data-go-private]") && goPrivate(form));
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.altKey || event.ctrlKey || !form.querySelector("[data-go-private]")) return;
      event.preventDefault();
      goPrivate(form);
    });
    check(form);
  }
  composer.addEventListener("change", () => forms().forEach(align)); // a door that was closed had no width
}

/** Until it is checked again, what stands before the change stays underlined. */
function typed(form) {
  const state = states.get(form);
  const text = textOf(form).value;
  let same = 0;
  while (same < text.length && text[same] === state.text[same]) same += 1;
  underline(form, text, state.findings.filter(({ end }) => units(state.text, end) <= same));
  form.querySelector('[data-refusal="guarded"]')?.remove();
  clearTimeout(state.timer);
  state.timer = setTimeout(() => check(form), AFTER);
}

async function check(form) {
  const state = states.get(form);
  const text = textOf(form).value;
  clearTimeout(state.timer);
  state.request?.abort();
  state.request = new AbortController();
  if (!text.trim()) {
    show(form, text, []);
    return;
  }
  const body = new FormData();
  for (const field of ["csrfmiddlewaretoken", "kind"]) body.set(field, form.elements[field].value);
  body.set("text", text);
  try {
    const { signal } = state.request;
    const response = await fetch(form.dataset.checkUrl, { method: "POST", body, headers: { "HX-Request": "true" }, signal });
    if (response.ok && textOf(form).value === text) show(form, text, (await response.json()).findings);
  } catch {
    // The server looks again when it is sent, and says so.
  }
}

function show(form, text, findings) {
  Object.assign(states.get(form), { text, findings });
  underline(form, text, findings);
  const area = form.querySelector("[data-guard]");
  const reasons = new Map(); // advice -> the words that it is about
  for (const { start, end, advice } of findings) reasons.set(advice, (reasons.get(advice) ?? new Set()).add(quote(text, start, end)));
  const lines = [...reasons].map(([advice, words]) => {
    const line = document.createElement("p");
    const pieces = advice.split(/(\d+)/).map((piece, at) => (at % 2 ? changing("span", piece) : piece));
    line.append(changing("bdi", [...words].join(" ")), " ", ...pieces);
    return line;
  });
  const mayMove = form.dataset.writing === "reply" && findings.some(({ kind, blocks }) => blocks && !NOT_PRIVATELY.has(kind));
  if (mayMove) lines.push(form.querySelector("[data-private-way]").content.cloneNode(true));
  const said = [...reasons.keys()].join().replace(/\d+/g, "0");
  if (said !== area.dataset.said) area.replaceChildren(...lines);
  else changingIn([area]).forEach((piece, at) => (piece.textContent = changingIn(lines)[at].textContent));
  area.dataset.said = said;
}

/** What may change with every letter, and is not said again for it. */
function changing(tag, words) {
  const piece = document.createElement(tag);
  piece.setAttribute("aria-live", "off");
  piece.textContent = words;
  return piece;
}
const changingIn = (elements) => elements.flatMap((element) => [...element.querySelectorAll("[aria-live=off]")]);

function underline(form, text, findings) {
  const layer = form.querySelector("[data-underlines]");
  const parts = [];
  let at = 0;
  for (const { start, end, blocks } of findings) {
    const [from, to] = [Math.max(at, units(text, start)), units(text, end)];
    if (to <= from) continue;
    const mark = Object.assign(document.createElement("mark"), { textContent: text.slice(from, to) });
    mark.classList.toggle("blocks", blocks);
    parts.push(text.slice(at, from), mark);
    at = to;
  }
  layer.replaceChildren(...(parts.length ? [...parts, `${text.slice(at)}\n`] : []));
  align(form);
}

/** Line for line below the text: as wide as its lines are, and scrolled as far. */
function align(form) {
  const layer = form.querySelector("[data-underlines]");
  layer.style.inlineSize = `${textOf(form).clientWidth}px`;
  layer.scrollTop = textOf(form).scrollTop;
}

/** The server counts characters, the browser UTF-16 units. */
function units(text, characters) {
  let at = 0;
  for (let left = characters; left > 0 && at < text.length; left -= 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}

function quote(text, start, end) {
  const words = text.slice(units(text, start), units(text, end)).trim();
  return `“${words.length > 40 ? `${words.slice(0, 38)}…` : words}”`;
}

function goPrivate(form) {
  const text = textOf(form);
  const other = textOf(composer.querySelector('[data-writing="direct_message"]'));
  other.value = other.value.trim() ? `${other.value}\n\n${text.value}` : text.value;
  text.value = "";
  composer.querySelector('[data-door="direct_message"]').checked = true;
  for (const area of [text, other]) area.dispatchEvent(new Event("input", { bubbles: true }));
  other.focus();
}

document.addEventListener("desk:done", () => composer?.isConnected && forms().forEach((form) => textOf(form).value || check(form)));
