// A drawing pad on a canvas of fixed size. Runs as js_on_load of its gr.HTML, which provides
// `element`, `props`, `watch`. The value is the drawing as a PNG data URL with its number behind a
// "#", which comes back with the answer; of an empty pad it is the number alone ("#4").
const LIVE_INTERVAL_MS = 120; // at most one request this often while the pen moves
const PALM_MS = 2000; // so long after a stroke of a stylus, touches are a resting palm
const NARROW_PX = 640; // below, a wide pad would be too flat to write on
const DIGIT = 28; // the side of a digit as the networks see it
const INK = "#000", PAPER = "#fff";

const root = element.querySelector(".pad");
const canvas = root.querySelector("canvas");
if (innerWidth < NARROW_PX) [canvas.width, canvas.height] = canvas.dataset.narrow.split(" ");
const context = canvas.getContext("2d", { willReadFrequently: true });
const thickness = root.querySelector("input[type=range]");
const note = root.querySelector(".pad-note");
const button = (action) => root.querySelector(`[data-action="${action}"]`);

// Everything on the pad, oldest first: {points, width, erase} or {picture}. It is replaced and never
// changed, so that earlier states can be brought back.
let marks = [];
let past = [], future = []; // earlier states, and those that were taken back
let active = null; // the stroke under the pen
let pointer = null; // its pointerId: a second finger is ignored
let lastStylus = -Infinity;
let number = 0; // of the drawing that was sent last
let erasing = false;
let framePending = false;
let liveTimer = null;
let lastSent = 0;

function paintStroke({ points, width, erase }) {
  const colour = erase ? PAPER : INK;
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = width;
  context.strokeStyle = context.fillStyle = colour;
  context.beginPath();
  if (points.length === 1) {
    context.arc(points[0][0], points[0][1], width / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  // Curves through the middles of the segments: a fast pen leaves no corners.
  context.moveTo(points[0][0], points[0][1]);
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i], [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  const [lastX, lastY] = points[points.length - 1];
  context.lineTo(lastX, lastY);
  context.stroke();
}

function paintPicture(picture) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const width = picture.width * scale, height = picture.height * scale;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

function paint() {
  framePending = false;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const mark of marks) mark.picture ? paintPicture(mark.picture) : paintStroke(mark);
  root.classList.toggle("has-ink", hasInk());
  const focused = document.activeElement;
  button("undo").disabled = past.length === 0;
  button("redo").disabled = future.length === 0;
  button("clear").disabled = marks.length === 0;
  if (focused.disabled && root.contains(focused)) canvas.focus({ preventScroll: true }); // not lost
}

const hasInk = () => marks.some((mark) => mark.picture || !mark.erase);

function paintSoon() {
  if (framePending) return;
  framePending = true;
  requestAnimationFrame(paint);
}

// A digit as the networks see it stays one; of anything else what is painted.
function png() {
  const [{ picture }] = marks;
  if (marks.length > 1 || picture?.width !== DIGIT || picture.height !== DIGIT || canvas.width !== canvas.height) {
    return canvas.toDataURL("image/png");
  }
  const own = Object.assign(document.createElement("canvas"), { width: DIGIT, height: DIGIT });
  own.getContext("2d").drawImage(picture, 0, 0);
  return own.toDataURL("image/png");
}

// Setting the value makes Gradio send `change`: one request for both networks.
function send() {
  clearTimeout(liveTimer);
  liveTimer = null;
  lastSent = performance.now();
  note.textContent = "";
  paint();
  root.dataset.drawing = ++number;
  root.dispatchEvent(new CustomEvent("pad-sent", { bubbles: true, detail: number }));
  const url = hasInk() ? png() : "";
  // Nothing but strokes is black on white, however much of the pad they cover.
  props.value = `${marks.some((mark) => mark.picture) ? url : url.replace(";", ";drawn=1;")}#${number}`;
}

function change(newMarks) {
  past.push(marks);
  future = [];
  marks = newMarks;
}

function sendThrottled() {
  if (liveTimer !== null) return;
  liveTimer = setTimeout(send, Math.max(0, LIVE_INTERVAL_MS - (performance.now() - lastSent)));
}

// Quarters of a 280th of the pad, and little outside of it: what an address holds of a drawing is all of it.
const grid = (4 * 280) / canvas.width;
const onGrid = (value, most) => Math.round(Math.min(Math.max(value, -16), most + 15) * grid) / grid;

function position(event) {
  const box = canvas.getBoundingClientRect();
  const x = (event.clientX - box.left) * canvas.width / box.width;
  const y = (event.clientY - box.top) * canvas.height / box.height;
  return [onGrid(x, canvas.width), onGrid(y, canvas.height)];
}

// A path without length, of a tap that trembles, would not be painted.
function extend(points, point) {
  if (String(point) !== String(points.at(-1))) points.push(point);
}

// A stylus wins over a finger or palm that came before it; touches beside a stylus are a palm.
function isPalm(event) {
  return event.pointerType === "touch" && performance.now() - lastStylus < PALM_MS;
}

function dropActive() {
  if (pointer === null) return;
  pointer = active = null;
  root.classList.remove("drawing");
  marks = past.pop();
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "pen") {
    if (pointer !== null && canvas.dataset.pointer === "touch") dropActive();
    lastStylus = performance.now();
  }
  if (pointer !== null || isPalm(event)) return;
  if (event.pointerType === "mouse" && event.button !== 0) return;
  pointer = event.pointerId;
  canvas.dataset.pointer = event.pointerType;
  canvas.setPointerCapture(pointer);
  canvas.focus({ preventScroll: true });
  const eraserEnd = (event.buttons & 32) !== 0; // the other end of a stylus
  active = { points: [position(event)], width: Number(thickness.value), erase: erasing || eraserEnd };
  if (active.erase) active.width *= 1.6;
  change([...marks, active]);
  root.classList.add("drawing");
  paintSoon();
  event.preventDefault();
});

canvas.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  if (event.pointerType === "pen") lastStylus = performance.now();
  const moves = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const move of moves.length ? moves : [event]) extend(active.points, position(move));
  paintSoon();
  sendThrottled();
});

function penUp(event) {
  if (event.pointerId !== pointer) return;
  pointer = active = null;
  root.classList.remove("drawing");
  send();
}
canvas.addEventListener("pointerup", penUp);
canvas.addEventListener("pointercancel", penUp);

function undo() {
  if (pointer !== null || past.length === 0) return;
  future.push(marks);
  marks = past.pop();
  send();
}

function redo() {
  if (pointer !== null || future.length === 0) return;
  past.push(marks);
  marks = future.pop();
  send();
}

function clear() {
  dropActive();
  if (marks.length) change([]);
  choose("pen");
  send();
}

function choose(tool) {
  erasing = tool === "eraser";
  button("pen").setAttribute("aria-pressed", String(!erasing));
  button("eraser").setAttribute("aria-pressed", String(erasing));
  root.classList.toggle("erasing", erasing);
}

root.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "undo") undo();
  else if (action === "redo") redo();
  else if (action === "clear") clear();
  else if (action) choose(action);
});

// A button that has become disabled, as Clear does, has left the keys to the page.
document.addEventListener("keydown", (event) => {
  const own = root.contains(event.target);
  if (!own && (event.target !== document.body || !root.offsetParent)) return;
  const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
  if (control && (key === "y" || (key === "z" && event.shiftKey))) redo();
  else if (control && key === "z") undo();
  else if ((own && key === "escape") || (key === "delete" && event.target === canvas)) clear();
  else return;
  event.preventDefault();
});

function load(url, name = "The picture") {
  const picture = new Image();
  picture.onerror = () => refuse(name);
  picture.onload = () => {
    change([{ picture }]);
    send();
  };
  picture.src = url;
}

// The gallery of examples puts a picture on the pad, under further strokes; so do drop and paste.
root.addEventListener("pad-load", (event) => load(event.detail));

// The lesson's address holds the marks.
root.addEventListener("pad-ask", ({ detail }) => Object.assign(detail, { marks, png }));
root.addEventListener("pad-draw", (event) => {
  if (!event.detail.length && !marks.length) return;
  change(event.detail);
  send();
});

function refuse(name) {
  note.textContent = ""; // so that the same words are read out again
  setTimeout(() => {
    note.textContent = `${name} is no picture that this browser shows: choose it under Upload, or convert it to PNG.`;
  }, 50);
}

function loadFirst(files) {
  const file = [...files].find((candidate) => candidate.type.startsWith("image/"));
  if (!file && files.length) refuse(files[0].name);
  if (!file) return files.length > 0;
  const reader = new FileReader();
  reader.onload = () => load(reader.result, file.name);
  reader.readAsDataURL(file);
  return true;
}

root.addEventListener("dragover", (event) => event.preventDefault());
root.addEventListener("drop", (event) => {
  if (loadFirst(event.dataTransfer.files)) event.preventDefault();
});
document.addEventListener("paste", (event) => {
  const typing = event.target.closest?.("input, textarea, [contenteditable]");
  if (typing || !root.offsetParent) return; // another tab is open
  if (loadFirst(event.clipboardData.files)) event.preventDefault();
});

// Python clears the pad by setting its value to "".
watch("value", () => {
  if (!props.value && marks.length) {
    change([]);
    paint();
  }
});

paint();
root.dataset.ready = "";
root.dispatchEvent(new CustomEvent("pad-ready", { bubbles: true }));
