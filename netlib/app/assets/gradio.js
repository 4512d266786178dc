// What Gradio's components lack. Upload fields: a name that holds what is written on them, and the kinds of
// files, so that a phone offers its camera; and pasting. They are only made when their tab is first opened.
// Radios: a group with a name, which is one Tab stop and has arrow keys, where Gradio makes each a group of its own.
// The language: Gradio calls the page by the browser's, in which its own few words are. Tabs: arrow keys, and names of
// what they open. The focus: it is kept where a field changes. A server that was started anew: it knows nothing of
// this page, which is loaded again, as Gradio does where an answer was awaited.
const KINDS = { picture: "image/*", "batch-files": "image/*,.zip,.csv" };

let spoken = "en"; // by Gradio
let left = null; // a field whose button had the focus, which Gradio takes away with it

function complete() {
  const root = document.documentElement;
  if (root.lang !== "en") [spoken, root.lang] = [root.lang, "en"];
  for (const own of document.querySelectorAll(".upload-container, footer")) {
    if (own.lang !== spoken) own.lang = spoken;
  }
  for (const field of document.querySelectorAll(".upload-container")) {
    const text = field.innerText.trim();
    if (text && field.ariaLabel !== text) field.ariaLabel = text;
    const kind = KINDS[field.closest("#picture, #batch-files")?.id];
    const input = field.querySelector("input[type=file]");
    if (kind && input && input.accept !== kind) input.accept = kind;
  }
  for (const inner of document.querySelectorAll("button button.upload-container:not([inert])")) {
    const input = inner.querySelector("input");
    inner.inert = true; // a button in a button
    inner.parentElement.closest("button").addEventListener("click", ({ target }) => target === input || input.click());
  }
  giveFocusBack();
  for (const panel of document.querySelectorAll("[role=tabpanel]:not([aria-labelledby])")) {
    panel.setAttribute("aria-labelledby", `${panel.id}-button`);
  }
  for (const radio of document.querySelectorAll("fieldset [name^=radio-]")) {
    const group = radio.closest("fieldset");
    group.ariaLabel = group.querySelector("[data-testid=block-info]").textContent;
    radio.name = group.id;
  }
}

function giveFocusBack() {
  const focused = document.activeElement;
  if (focused !== document.body && !left?.contains(focused)) left = null;
  const next = left?.querySelector(".file-preview a") ?? left?.querySelector(".upload-container:not([inert])");
  if (!next || focused !== document.body) return;
  next.focus({ preventScroll: true });
  left = null;
}
for (const event of ["change", "click"]) {
  document.addEventListener(event, ({ target }) => { left = target.closest("#picture, #batch-files") ?? left; }, { capture: true });
}

// A picture that is pasted is chosen on the tab that is open; a single one takes the old one's place.
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const field = [...document.querySelectorAll("#picture, #batch-files")].find((one) => one.offsetParent);
  if (!field || !files?.length || event.target.closest?.("textarea, [contenteditable]")) return;
  event.preventDefault();
  if (!field.querySelector("input[type=file]")) field.querySelector(".icon-button")?.click();
  choose(field, files);
});

function choose(field, files, tries = 50) {
  const input = field.querySelector("input[type=file]");
  if (!input) return tries && setTimeout(choose, 50, field, files, tries - 1); // it comes back when the field is empty
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// Home and End, too, as the ARIA practices have it for tabs.
document.addEventListener("keydown", (event) => {
  const tabs = [...event.target.closest?.("[role=tablist]")?.querySelectorAll("[role=tab]") ?? []];
  const at = tabs.indexOf(event.target), last = tabs.length - 1;
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (at < 0 || next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const tab = tabs[(next + tabs.length) % tabs.length];
  tab.click();
  tab.focus();
});

// Paper is light, whatever the screen is.
let darkened = [];
addEventListener("beforeprint", () => {
  darkened = [...document.querySelectorAll(".dark")];
  for (const one of darkened) one.classList.remove("dark");
});
addEventListener("afterprint", () => { for (const one of darkened) one.classList.add("dark"); });

const LOOK_MS = 4000;
let maker = null; // the server that made the page

async function look() {
  if (document.hidden || document.querySelector(".pad.drawing")) return;
  const reply = await fetch(new URL("health", document.baseURI), { cache: "no-store" }).catch(() => null);
  const now = reply?.headers.get("etag") ?? maker;
  maker ??= now;
  if (now !== maker) location.reload();
}
setInterval(look, LOOK_MS);
document.addEventListener("visibilitychange", look);
look();

const changes = new MutationObserver(complete);
changes.observe(document.body, { childList: true, subtree: true, attributeFilter: ["name"] }); // a chosen radio gets its old name back
changes.observe(document.documentElement, { attributeFilter: ["lang"] });
complete();
