// The address of what is on the screen. Its fragment comes from anyone: what does not fit is refused
// as a whole, and nothing of it ever becomes HTML. Pure functions.
export const MOST = 24000; // characters
export const DAMAGED = "The address does not fit this page, so nothing of it was followed. Ask for the link again.";
const KEYS = ["tab", "block", "map", "x", "y", "step", "guess", "large", "ink"];
const SCALE = 4, MARGIN = 16; // a pad's points lie on quarters of a pixel, up to so far outside of it
const STROKE = /^([0-9a-z]{1,2})(e?)\.((?:[0-9a-z]{4})+)$/;
const PICTURE = /^png\.([\w-]+)$/;

export function write(state) {
  return KEYS.filter((key) => (state[key] ?? "") !== "").map((key) => `${key}=${state[key]}`).join("&");
}

// What a fragment says, checked against what the page has: {tabs, blocks: [{maps, width, height}],
// steps, guesses}. Throws an Error for anything else.
export function read(fragment, page) {
  const pairs = fragment.split("&").map((part) => part.split("="));
  const keys = pairs.map(([key]) => key);
  const fits = fragment.length <= MOST && pairs.every((pair) => pair.length === 2)
    && keys.every((key) => KEYS.includes(key)) && new Set(keys).size === keys.length;
  if (!fits) throw new Error(DAMAGED);
  const text = Object.fromEntries(pairs), state = {};
  if ("tab" in text) state.tab = oneOf(text.tab, page.tabs);
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
  if ("ink" in text) state.ink = decode(text.ink);
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

export const slug = (name) => name.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-");

// --- The drawing: strokes in base 36, or a picture as PNG

const two = (value) => Math.round((value + MARGIN) * SCALE).toString(36).padStart(2, "0");
const from = (text) => Number.parseInt(text, 36) / SCALE - MARGIN;

// Of the marks on a pad; `canvas` shows them all.
export function encode(marks, canvas) {
  if (marks.some((mark) => mark.picture)) {
    const data = canvas.toDataURL("image/png").split(",")[1];
    return `png.${data.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  }
  return marks.map(({ points, width, erase }) => {
    const path = points.map(([x, y]) => two(x) + two(y)).join("");
    return `${Math.round(width * 10).toString(36)}${erase ? "e" : ""}.${path}`;
  }).join("_");
}

// {marks} or {picture: a data URL}.
export function decode(text) {
  const picture = PICTURE.exec(text);
  if (picture) return { picture: `data:image/png;base64,${picture[1].replaceAll("-", "+").replaceAll("_", "/")}` };
  return { marks: text.split("_").map(decodeStroke) };
}

function decodeStroke(text) {
  const [, size, erase, path] = STROKE.exec(text) ?? [];
  const width = Number.parseInt(size, 36) / 10;
  if (!(width >= 1 && width <= 70)) throw new Error(DAMAGED);
  const points = path.match(/.{4}/g).map((point) => [from(point.slice(0, 2)), from(point.slice(2))]);
  return { points, width, erase: erase === "e" };
}
