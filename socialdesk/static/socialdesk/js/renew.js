// A part of the page is replaced by a newer one only if it says something else, and what the person did in it stays.

/** What a part says and does, without what the browser and the person did to it, and without what is new with every look. */
function said(part) {
  const copy = part.cloneNode(true);
  copy.removeAttribute("data-behind");
  for (const input of copy.querySelectorAll("[name=csrfmiddlewaretoken], [name=request_key]")) input.removeAttribute("value");
  for (const slot of copy.querySelectorAll("[data-ago], [data-due], [data-fetch], [data-chat-typing], .why-slot")) slot.replaceChildren();
  for (const clock of copy.querySelectorAll(".clock")) clock.classList.remove("soon", "late");
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  for (const element of [copy, ...copy.querySelectorAll("[class]")]) {
    element.classList.remove(...[...element.classList].filter((name) => name.startsWith("htmx-")));
    if (!element.classList.length) element.removeAttribute("class");
  }
  return copy.outerHTML.replace(/\s+/g, " ");
}

export const differs = (old, now) => said(old) !== said(now);

/** What names an element from one look to the next: a link leads to the same place though its words are others. */
function nameOf(element) {
  const name = element.dataset.act ?? (element.id || element.getAttribute("href"));
  if (name) return name;
  const where = element.getAttribute("formaction") ?? element.form?.getAttribute("action");
  return [where, element.name, element.dataset.key, element.title, element.textContent.replace(/\s+/g, " ").trim()].join(" ");
}

/** The element in `now` that is what `focused` was, if there is one. */
export function twinOf(focused, now) {
  return [...now.querySelectorAll(focused.localName)].find((element) => nameOf(element) === nameOf(focused)) ?? null;
}

/** What was chosen or typed in named fields, and not done yet, stays chosen and typed. */
export function keepValues(old, now, key = "id") {
  for (const field of old.querySelectorAll("select, textarea, input:not([type=hidden], [type=checkbox], [type=radio])")) {
    const same = field[key] && [...now.querySelectorAll(field.localName)].find((other) => other[key] === field[key]);
    if (!same || !isChanged(field)) continue;
    if (field.localName !== "select" || [...same.options].some((option) => option.value === field.value)) same.value = field.value;
  }
}

function isChanged(field) {
  if (field.localName !== "select") return field.value !== field.defaultValue;
  const usual = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return field.value !== usual?.value;
}
