// The address of what is on the screen. Its fragment comes from anyone: what does not fit is refused
// as a whole, and nothing of it ever becomes HTML. Pure functions.
export const MOST = 24000; // characters
export const DAMAGED = "The address does not fit this page, so nothing of it was followed. Ask for the link again.";
export const INCOMPLETE = "The link is cut short: its end is missing, so nothing of it was followed. Ask for the whole link.";
const LENGTH = /^length=(\d{1,5})&/; // of what follows; older links do without
const RENAMED = new Map([["why", "why-this-answer"], ["where-it-lies", "similar-digits"]]); // tabs of older links
const FIELDS = ["what-if", "stress-test", "why-this-answer"]; // tabs that have some
const KEYS = ["in", "tab", "block", "map", "x", "y", "step", "guess", "large", ...FIELDS, "ink", "wide"];
const SIDE = 280; // every pad is told as so wide
const SCALE = 4, MARGIN = 16; // points lie on quarters of its pixels, up to so far outside of it
const STROKE = /^([0-9a-z]{1,2})(e?)\.((?:[0-9a-z]{4})+)$/;
const PICTURE = /^png\.([\w-]+)$/;
const LARGEST = { width: 1120, height: 360 }; // of a pad

export function write(state) {
  const text = KEYS.filter((key) => (state[key] ?? "") !== "").map((key) => `${key}=${state[key]}`).join("&");
  return text && `length=${text.length}&${text}`;
}

// What a fragment says, checked against what the page has: {inputs, tabs, blocks: [{maps, width,
// height}], steps, guesses, limits: {tab: [[least, most, step or 0] of each field]}}. Throws an Error for anything else.
export function read(link, page) {
  const [head, length] = LENGTH.exec(link) ?? [""];
  const fragment = link.slice(head.length);
  if (fragment.length < length || "length=".startsWith(link) || /^length=\d*$/.test(link)) throw new Error(INCOMPLETE);
  if (fragment.length > Math.min(length ?? MOST, MOST)) throw new Error(DAMAGED);
  const pairs = fragment.split("&").map((part) => part.split("="));
  const keys = pairs.map(([key]) => key);
  const fits = pairs.every((pair) => pair.length === 2)
    && keys.every((key) => KEYS.includes(key)) && new Set(keys).size === keys.length;
  if (!fits) throw new Error(DAMAGED);
  const text = Object.fromEntries(pairs), state = {};
  if ("in" in text) state.in = oneOf(text.in, page.inputs);
  if ("tab" in text) state.tab = oneOf(RENAMED.get(text.tab) ?? text.tab, page.tabs);
  if ("block" in text) state.block = whole(text.block, 1, page.blocks.length);
  const block = page.blocks[(state.block ?? 0) - 1];
  if ("map" in text) state.map = whole(text.map, 1, block?.maps);
  if ("x" in text || "y" in text) {
    state.x = whole(text.x, 1, block?.width);
    state.y = whole(text.y, 1, block?.height);
  }
  if ("step" in text) state.step = whole(text.step, 1, page.steps);
  if ("guess" in text) state.guess = whole(text.guess, 1, page.guesses);
  if ("large" in text) state.large = whole(text.large, 1, 1);
  for (const tab of FIELDS) if (tab in text) state[tab] = numbers(text[tab], page.limits[tab]);
  for (const pad of ["ink", "wide"]) if (pad in text && decode(text[pad])) state[pad] = text[pad];
  return state;
}

function oneOf(text, list) {
  if (!list.includes(text)) throw new Error(DAMAGED);
  return text;
}

function whole(text, least, most) {
  const fits = /^\d{1,4}$/.test(text ?? "") && Number(text) >= least && Number(text) <= most;
  if (!fits) throw new Error(DAMAGED);
  return Number(text);
}

function numbers(text, limits) {
  const parts = text.split("_");
  const fits = parts.length === limits.length && parts.every((part, i) => {
    const [least, most, step] = limits[i], value = Number(part);
    return /^-?\d{1,4}(\.\d{1,6})?$/.test(part) && value >= least && value <= most && !(step && (value - least) % step);
  });
  if (!fits) throw new Error(DAMAGED);
  return parts.map(Number).join("_");
}

export const slug = (name) => name.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-");

// --- A drawing: strokes in base 36, behind the pad's height if that is no square, or a picture as PNG

const two = (value) => Math.round((value + MARGIN) * SCALE).toString(36).padStart(2, "0");
const from = (text) => Number.parseInt(text, 36) / SCALE - MARGIN;

// Of the marks on a pad, whose `canvas` shows them all and whose `png` is what it sends.
export function encode({ marks, png }, canvas) {
  if (marks.some((mark) => mark.picture)) return encodePicture(png());
  const scale = SIDE / canvas.width, height = Math.round(canvas.height * scale);
  const strokes = marks.map(({ points, width, erase }) => {
    const path = points.map(([x, y]) => two(x * scale) + two(y * scale)).join("");
    return `${Math.round(width * scale * 10).toString(36)}${erase ? "e" : ""}.${path}`;
  });
  return (height === SIDE || !strokes.length ? strokes : [height, ...strokes]).join("_");
}

// Of a PNG's data URL.
export function encodePicture(url) {
  return `png.${url.split(",")[1].replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

// {marks, height} on a pad that is SIDE wide, or {picture: a data URL}.
export function decode(text) {
  const picture = PICTURE.exec(text);
  if (picture) return { picture: decodePicture(picture[1]) };
  const [first, ...others] = text.split("_");
  if (/^\d{2,3}$/.test(first)) return { marks: others.map(decodeStroke), height: whole(first, 10, SIDE) };
  return { marks: [first, ...others].map(decodeStroke), height: SIDE };
}

// Its size is read before anything is decoded: a small file may hold a huge picture.
function decodePicture(text) {
  const data = text.replaceAll("-", "+").replaceAll("_", "/");
  const head = Uint8Array.from(atob(data.slice(0, 32)), (letter) => letter.charCodeAt(0));
  const [width, height] = [16, 20].map((at) => new DataView(head.buffer).getUint32(at));
  if (!(width > 0 && width <= LARGEST.width && height > 0 && height <= LARGEST.height)) throw new Error(DAMAGED);
  return `data:image/png;base64,${data}`;
}

// Marks of a pad that is SIDE wide and so high, on another canvas: as large as it has room.
export function fitted({ marks, height }, canvas) {
  const scale = Math.min(canvas.width / SIDE, canvas.height / height);
  return marks.map(({ points, width, erase }) => (
    { points: points.map(([x, y]) => [x * scale, y * scale]), width: width * scale, erase }));
}

function decodeStroke(text) {
  const [, size, erase, path] = STROKE.exec(text) ?? [];
  const width = Number.parseInt(size, 36) / 10;
  if (!(width >= 1 && width <= 70)) throw new Error(DAMAGED);
  const points = path.match(/.{4}/g).map((point) => [from(point.slice(0, 2)), from(point.slice(2))]);
  return { points, width, erase: erase === "e" };
}
