// Pictures of a public answer, or its film: chosen, pasted or dropped, each with words for those who cannot see it.

import { announce } from "desk/page";

let form = null;
let changed = () => {};
let waiting = 0; // that are on their way to the server
let sent = new Set(); // ids that went with the last press of Send

const area = () => form.querySelector("[data-pictures]");
const list = () => form.querySelector("[data-pictures-list]");
const lines = () => [...list().querySelectorAll("[data-picture]")];

/** `say` is called when what will be sent is another answer than before. */
export function bind(element, say) {
  form = element;
  changed = say;
  waiting = 0;
  const file = form.querySelector("[data-pictures-file]");
  file.removeAttribute("name"); // each file is handed in as soon as it is chosen, and not again with the form
  file.multiple = true;
  form.querySelector("[data-without-script]").remove();
  const takeChosen = () => {
    const files = [...file.files];
    file.value = "";
    add(files);
  };
  file.addEventListener("change", takeChosen);
  takeChosen(); // what was chosen before this module had come
  form.addEventListener("paste", (event) => take(event, event.clipboardData));
  form.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    form.classList.add("is-dropped-on");
  });
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("is-dropped-on"));
  form.addEventListener("drop", (event) => take(event, event.dataTransfer));
  form.addEventListener("change", ({ target }) => target.dataset.describeUrl && describe(target));
  form.addEventListener("click", remove);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !event.target.dataset.describeUrl) return;
    event.preventDefault(); // said what it shows; nothing is sent by that
    form.querySelector("textarea").focus();
  });
  form.addEventListener("submit", send, { capture: true });
}

function take(event, data) {
  const files = [...(data?.files ?? [])].filter((file) => /^(image|video)\//.test(file.type));
  if (!files.length) return;
  event.preventDefault();
  add(files);
}

function say(words) {
  form.querySelector("[data-pictures-said]").textContent = words;
}

async function add(files) {
  const here = form;
  for (const file of files) {
    const most = Number(area().dataset.most);
    const isFilm = file.type.startsWith("video/");
    if (lines().some((line) => "film" in line.dataset) || (isFilm && lines().length + waiting)) {
      say("A film goes alone. Take out what is there, then choose again.");
      return;
    }
    if (lines().length + waiting >= most) {
      say(`At most ${most} pictures go with an answer here.`);
      return;
    }
    waiting += 1;
    say(`The ${isFilm ? "film" : "picture"} is being added.`);
    const refused = await upload(here, file);
    waiting -= 1;
    if (form !== here) return; // another conversation was opened meanwhile; the picture waits in its draft
    say(refused);
  }
}

/** What was wrong, or nothing. */
async function upload(here, file) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", here.elements.csrfmiddlewaretoken.value);
  body.set("picture", file);
  const bar = here.querySelector("[data-pictures-progress]");
  try {
    const { status, responseText } = await post(area().dataset.picturesUrl, body, (part) => {
      bar.hidden = part === 1;
      bar.value = part;
    });
    if (status !== 200) return JSON.parse(responseText).detail;
    if (form !== here) return "";
    list().insertAdjacentHTML("beforeend", responseText);
    lines().at(-1).querySelector("[data-describe-url]").focus();
    changed();
    announce("It stands in the draft. Say what it shows.");
    return "";
  } catch {
    return "It did not reach the desk. Try it again.";
  } finally {
    bar.hidden = true;
  }
}

/** As `fetch` would, which does not say how much of a large file has arrived. */
function post(url, body, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded / total));
    request.addEventListener("load", () => resolve(request));
    for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, reject);
    request.open("POST", url);
    request.setRequestHeader("HX-Request", "true");
    request.send(body);
  });
}

function describe(field) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  body.set("alt", field.value);
  const headers = { "HX-Request": "true" };
  fetch(field.dataset.describeUrl, { method: "POST", body, headers, keepalive: true }).catch(() => {}); // it is sent with the form again
}

async function remove(event) {
  const button = event.target.closest("[data-remove-picture]");
  if (!button) return;
  event.preventDefault();
  const line = button.closest("[data-picture]");
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  line.remove();
  say("");
  changed();
  form.querySelector("[data-pictures-file]").focus();
  announce("It is out of the draft.");
  await fetch(button.formAction, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => {}); // unsent ones go by themselves
}

function send(event) {
  const bare = lines().find((line) => !line.querySelector("[data-describe-url]").value.trim());
  if (waiting || bare) {
    event.preventDefault();
    event.stopImmediatePropagation();
    say(waiting ? "A file is still being added. Send it in a moment." : "Say in words what it shows, then send it.");
    bare?.querySelector("[data-describe-url]").focus();
    return;
  }
  sent = new Set(lines().map((line) => line.dataset.picture));
}

/** An answer was not sent: its pictures stand in the draft again, as the server has it. */
export function renew(fresh) {
  if (!form?.isConnected) return;
  const known = new Set(lines().map((line) => line.dataset.picture));
  for (const line of fresh.querySelectorAll("[data-pictures-list] [data-picture]")) if (!known.has(line.dataset.picture)) list().append(line);
}

document.addEventListener("desk:done", ({ detail }) => {
  if (!["queued", "waiting"].includes(detail.did) || detail.kind !== "reply" || !form?.isConnected) return;
  for (const line of lines()) if (sent.has(line.dataset.picture)) line.remove();
  sent = new Set();
  say("");
});
