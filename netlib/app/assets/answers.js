// The boxes around several digits are laid over the pad that they were drawn on.
function showBoxes() {
  const overlay = document.querySelector("#@PAD@ .pad-boxes");
  const boxes = element.querySelector("svg.boxes");
  if (overlay) overlay.innerHTML = boxes ? boxes.outerHTML : "";
}

// When the answers have not changed for a moment, the detail that is open (if any) is brought up
// to date: never at every stroke, and never for a closed tab.
const SETTLED_MS = 250;
const DETAILS = @DETAILS@; // the events that this component sends
let timer = null;

function settled() {
  for (const name of DETAILS) {
    const detail = document.querySelector(`#${name}-detail`);
    if (detail && detail.offsetParent !== null) trigger(name);
  }
}

// Answers are dimmed from the moment that a drawing or file is sent until the reply to that one is
// there; of a server that is gone or takes long none is shown.
const DIM_MS = 400, ASK_MS = 1200, SILENT_MS = 6000, UPLOAD_MS = 120000;
const SILENT = "The server does not answer. When it is back, this page loads again and reads what is drawn; corrections "
  + "and chosen files are lost then.";
const SLOW = "The answer takes long: the server is there, but has much to do.";
const HEALTH = new URL("health", document.baseURI);
let last = null; // what was sent last: the number of a drawing, or "file" for an upload
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
    if (DETAILS.length) document.documentElement.classList.toggle(`answers-${name}`, states.includes(name));
  }
}

// While it is awaited it stands on the element, too.
function sent(what) {
  last = element.dataset.awaited = String(what);
  region.textContent = ""; // so that the same words are read out again
  stopWaiting();
  dimming = setTimeout(() => mark("stale"), DIM_MS);
  const ask = (found) => (
    fetch(HEALTH, { signal: AbortSignal.timeout(ASK_MS) }).then(() => found, () => SILENT)
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

function replied() {
  const reply = element.querySelector("[data-drawing]")?.dataset.drawing ?? "";
  if ((element.dataset.awaited ?? reply) !== reply) return;
  if (last !== null && ![last, "taught"].includes(reply)) return askAgain();
  delete element.dataset.awaited;
  stopWaiting();
  mark();
  const pad = document.querySelector("#@PAD@ .pad");
  if (!pad?.classList.contains("drawing")) speak([...element.querySelectorAll(".verdict, .taught-line")].map((line) => line.textContent).join(" "));
}

// An answer that was long under way has taken the place of what stands there.
function askAgain() {
  sent(last);
  mark("stale");
  trigger(last === "file" ? "file" : "drawing");
}

document.addEventListener("pad-sent", (event) => {
  if (event.target.dataset.name === "@PAD@") sent(event.detail);
});
document.querySelector("#input-tabs")?.addEventListener("change", (event) => {
  if (event.target.closest("#picture") && DETAILS.length) sent("file");
});

// So is another tab of input: its reply is that to what stands there. And no file is an answer's, too.
document.querySelector("#input-tabs")?.addEventListener("click", ({ target }) => {
  if (target.closest("#picture .icon-button") && DETAILS.length) sent("file");
  const tab = target.closest("[role=tab]");
  if (!DETAILS.length || tab?.ariaSelected !== "false") return;
  if (tab.id === "upload-tab-button") sent("file");
  if (tab.id === "draw-tab-button") sent(document.querySelector("#@PAD@ .pad")?.dataset.drawing ?? "");
}, { capture: true });

watch("value", () => {
  showBoxes();
  replied();
  clearTimeout(timer);
  timer = setTimeout(settled, SETTLED_MS);
});
