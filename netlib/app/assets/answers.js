// The boxes around several digits are laid over the pad that they were drawn on.
function showBoxes() {
  const overlay = document.querySelector("#@PAD@ .pad-boxes");
  const boxes = element.querySelector("svg.boxes");
  if (overlay) overlay.innerHTML = boxes ? boxes.outerHTML : "";
}

// When the answers have not changed for a moment, the detail that is open (if any) is brought up
// to date: never at every stroke, and never for a closed tab. Until then it is behind.
const SETTLED_MS = 250;
const DETAILS = @DETAILS@; // the events that this component sends
let timer = null;

const { classList } = document.documentElement;
const isOpen = (name) => document.querySelector(`#${name}-detail`)?.offsetParent;

function settled() {
  for (const name of DETAILS) {
    if (isOpen(name)) {
      classList.add(`asked-${name}`);
      trigger(name);
    } else classList.remove(`behind-${name}`); // it is brought up to date when it is opened
  }
}

// Answers are dimmed from the moment that a drawing or file is sent until the reply to that one is
// there; of a server that is gone or takes long none is shown. Who refuses a connection is gone, who takes long is not.
const DIM_MS = 400, ASK_MS = 1200, SILENT_MS = 6000, UPLOAD_MS = 120000;
const SILENT = "The server does not answer. If this page loads again when it is back, what is drawn is read; corrections "
  + "and chosen files are lost then.";
const SLOW = "The answer takes long: the server, or the connection to it, is slow.";
const HEALTH = new URL("health", document.baseURI);
let last = null; // what was sent last: the number of a drawing, or "file" for an upload
let file = null; // of the file that was chosen last, see `nameOf`; "" of none, null where that is not known
let taughtOf = null; // the same, when Teach or Undo was pressed
let dimming = null, asking = null, waiting = null;

const region = document.createElement("p"); // speaks when the pen is up, never while it moves
region.className = "unseen";
region.setAttribute("role", "status");
region.setAttribute("aria-live", "polite");
element.after(region);

function speak(text) {
  if (region.textContent !== text) region.textContent = text;
}

// "stale", "silent" or none; on the root, too, for what shows the digit elsewhere on the page. As :has() in
// the style sheet that would be looked for again at each change of the page.
function mark(...states) {
  for (const name of ["stale", "silent"]) {
    element.classList.toggle(name, states.includes(name));
    if (DETAILS.length) classList.toggle(`answers-${name}`, states.includes(name));
  }
  document.querySelector("#@PAD@ .pad-boxes")?.classList.toggle("stale", states.includes("stale"));
}

// While it is awaited it stands on the element, too.
function sent(what) {
  last = element.dataset.awaited = String(what);
  region.textContent = ""; // so that the same words are read out again
  stopWaiting();
  dimming = setTimeout(() => mark("stale"), DIM_MS);
  const ask = (found) => (
    fetch(HEALTH, { signal: AbortSignal.timeout(ASK_MS) }).then(({ ok }) => (ok ? found : SILENT), ({ name }) => (name === "TimeoutError" ? found : SILENT))
      .then((text) => text && element.dataset.awaited === String(what) && silent(text)));
  asking = setTimeout(ask, ASK_MS);
  waiting = setTimeout(() => ask(SLOW), what === "file" ? UPLOAD_MS : SILENT_MS);
}

function stopWaiting() {
  for (const timer of [dimming, asking, waiting]) clearTimeout(timer);
}

function silent(text) {
  element.dataset.silent = text;
  mark("stale", "silent");
  speak(text);
}

// What an upload leaves of a name for sure.
const nameOf = ({ name } = { name: "" }) => [...name].filter((letter) => /[\p{L}\p{N}]/u.test(letter)).slice(0, @NAMED@).join("");

// A name of which nothing was left has become "file".
const isOfAnother = (of) => file !== null && of !== undefined && (file ? !of.endsWith(file) : of !== "");

function chosen(what) {
  file = what;
  sent("file");
}

function replied() {
  const { drawing: reply = "", file: of } = element.querySelector("[data-drawing]")?.dataset ?? {};
  if (element.dataset.awaited === "file" && reply === "file" && isOfAnother(of)) return;
  const awaited = element.dataset.awaited ?? reply;
  if (awaited !== reply && (awaited === "file") === (reply === "file")) return; // an earlier drawing's
  if (last !== null && (reply === "taught" ? taughtOf : reply) !== last) return askAgain();
  delete element.dataset.awaited;
  stopWaiting();
  mark();
  const pad = document.querySelector("#@PAD@ .pad");
  if (!pad?.classList.contains("drawing")) speak([...element.querySelectorAll(".verdict, .taught-line")].map((line) => line.textContent).join(" "));
}

// An answer that was long under way has taken the place of what stands there, or, at the server, of the one awaited.
function askAgain() {
  sent(last);
  mark("stale");
  trigger(last === "file" ? "file" : "drawing");
}

// Heard on the document: what these are of need not be there yet when this script runs.
document.addEventListener("pad-sent", (event) => {
  if (event.target.dataset.name === "@PAD@") sent(event.detail);
});

// Another file is awaited, and none as well; so is another tab of input: its reply is that to what stands there.
if (DETAILS.length) {
  document.addEventListener("change", ({ target }) => {
    if (target.closest("#picture")) chosen(nameOf(target.files?.[0]));
  });
  for (const event of ["drop", "paste"]) document.addEventListener(event, () => { file = null; }, { capture: true });
  document.addEventListener("click", ({ target }) => {
    if (target.closest("#teach-tab button")) taughtOf = last;
    if (target.closest("#picture .icon-button")) chosen("");
    const tab = target.closest("#input-tabs [role=tab]");
    if (tab?.ariaSelected !== "false") return;
    if (tab.id === "upload-tab-button") sent("file");
    if (tab.id === "draw-tab-button") sent(document.querySelector("#@PAD@ .pad")?.dataset.drawing ?? "");
  }, { capture: true });
  // A detail's own fields ask, too, where their value is another: a number may be typed in other words.
  let moving = null, before = null;
  document.addEventListener("focusin", ({ target }) => { before = target.value; });
  document.addEventListener("input", ({ target }) => {
    const name = target.closest("#why-tab, #stress-tab")?.id.split("-")[0];
    const isSame = target.type === "number" && Number(target.value) === Number(before);
    before = target.value;
    if (!name || isSame) return;
    classList.add(`moved-${name}`);
    clearTimeout(moving);
    moving = setTimeout(() => classList.contains(`moved-${name}`) && classList.add(`behind-${name}`, `asked-${name}`), DIM_MS);
  });
}

watch("value", () => {
  showBoxes();
  replied();
  for (const name of DETAILS.filter(isOpen)) {
    classList.add(`behind-${name}`);
    classList.remove(`asked-${name}`);
  }
  clearTimeout(timer);
  timer = setTimeout(settled, SETTLED_MS);
});
