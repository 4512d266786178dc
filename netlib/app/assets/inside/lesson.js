// The lesson: the address holds what is on the screen, five steps lead from a guess to its reason.
import { DAMAGED, INCOMPLETE, MOST, decode, encode, encodePicture, fitted, read, slug, write } from "./link.js";
import { SIZES } from "./whatif.js";
import { comparison, cost, isSeparable, many, number, sum, withoutMixing } from "./story.js";

const REST_MS = 300; // the address follows when nothing has changed for so long
const FACTORS = [1, 2, 8, 100];
const GUESSES = ["about as many", "about half", "about an eighth", "about a hundredth"];
const FILES = ["upload", "many-pictures"]; // tabs whose files no address holds
const KEPT = "lesson-ink", WORDS = "lesson-words", LOST = "lost"; // of the browser's own memory, until the tab is closed
const GONE = "This page was loaded again, without the files and corrections of before: choose and teach them anew.";
const CHOSEN = ".file-preview, .taught-list"; // what a page that is loaded anew does not have
const FILE_FIELDS = ["#picture", "#batch-files"];
const PADS = { ink: "#pad", wide: "#wide-pad" }; // by their keys in an address
const FIELDS = { // by their tabs, which are their keys
  "what-if": ".whatif-sliders input[type=range]", "stress-test": ".stress-grid input[type=number]", "why-this-answer": "#why-tab input[type=radio]",
};
const calm = matchMedia("(prefers-reduced-motion: reduce)"); // then there is no Play
const $ = (selector) => document.querySelector(selector);
const fieldsOf = (tab) => [...document.querySelectorAll(FIELDS[tab])];
const valuesOf = (tab, limits) => { // of a choice its place; what is typed is as near as it counts
  const fields = fieldsOf(tab);
  if (fields[0]?.type === "radio") return String(fields.findIndex(({ checked }) => checked));
  return fields.map(({ value }, i) => Number(Math.min(Math.max(value, limits[i][0]), limits[i][1]).toFixed(6))).join("_");
};
const padOf = (key) => $(`${PADS[key]} .pad[data-ready]`);

export function start(element) {
  const ready = padOf("ink") && $("#more-tabs [role=tab]") && $(".inside");
  if (!ready) return setTimeout(() => start(element), 50); // the page is still being made
  new Lesson(element.querySelector(".lesson"));
}

class Lesson {
  constructor(root) {
    this.root = root;
    this.manifest = JSON.parse(root.dataset.manifest);
    this.pair = pairOf(this.manifest.networks);
    this.limits = { "what-if": SIZES.map(({ min, max, step }) => [min, max, step]), ...this.manifest.fields };
    this.state = {};
    this.held = {}; // drawings for pads, and values for fields, that are not yet made
    this.first = {}; // values that fields begin with
    this.button("start").hidden = !this.pair;
    this.panel = document.createElement("section");
    this.panel.className = "lesson-panel";
    this.panel.setAttribute("aria-label", "Lesson");
    this.panel.hidden = true;
    $("#inside").before(this.panel);
    this.listen();
    this.follow();
    this.tellLost();
  }

  // Gradio loads the page again when a connection that was lost is back.
  tellLost() {
    let sending = false; // of a file that was chosen and has not come to a server, nothing is shown
    const isOf = (target, parts) => target.closest(FILE_FIELDS.map((field) => `${field} ${parts}`).join());
    document.addEventListener("change", ({ target }) => { sending ||= Boolean(isOf(target, "[type=file]")); });
    let teaching = false; // nor of a correction, until its note is there
    document.addEventListener("click", ({ target }) => {
      sending &&= !isOf(target, ".icon-button");
      teaching ||= Boolean(target.closest("#teach-button"));
    }, { capture: true });
    const isLost = () => sending || (teaching && !$("#teach-note p")) || $(CHOSEN);
    addEventListener("pagehide", () => (isLost() ? keep(LOST, 1) : sessionStorage.removeItem(LOST)));
    if (!sessionStorage.getItem(LOST)) return;
    const told = node("p", GONE, { role: "alert" });
    this.root.append(told);
    document.addEventListener("change", () => told.remove(), { once: true });
  }

  button(name) {
    return this.root.querySelector(`[data-lesson="${name}"]`);
  }

  say(text) {
    this.root.querySelector("[role=status]").textContent = text;
  }

  // --- The address

  get page() { // what an address may name
    const networks = this.manifest.networks.map((network) => network.blocks.map((block) => block.at(-1)));
    const most = (i, size) => Math.max(...networks.map((layers) => layers[i]?.[size] ?? 0));
    const blocks = Array.from({ length: Math.max(...networks.map((layers) => layers.length)) }, (_, i) => (
      { maps: most(i, "n"), width: most(i, "width"), height: most(i, "height") }));
    const named = (tabs) => tabs.map((tab) => slug(tab.textContent));
    return { inputs: named(inputTabs()), tabs: named(tabButtons()), blocks, steps: 5, guesses: GUESSES.length, limits: this.limits };
  }

  async follow(isOpen = false, hash = location.hash) {
    clearTimeout(this.timer); // what it would remember is followed by this
    this.say(""); // the same words are read out again
    const fragment = hash.slice(1);
    try {
      const state = fragment ? read(fragment, this.page) : {};
      for (const key of Object.keys(PADS)) if (state[key]) await whole(decode(state[key]).picture);
      const isBare = Object.keys(PADS).every((key) => !state[key]);
      if (isOpen) for (const key of Object.keys(PADS)) state[key] ??= ""; // empty, as whoever made the link had it
      this.show(state, isOpen);
      if (isOpen) this.changed(); // what the link does not name is as it was
      else if (isBare) this.restore();
    } catch (error) {
      this.say(error.message === INCOMPLETE ? INCOMPLETE : DAMAGED);
    }
  }

  show(state, isOpen) {
    this.held = {};
    for (const key of [...Object.keys(PADS), ...Object.keys(FIELDS)]) {
      this.held[key] = state[key];
      delete state[key];
    }
    const { block, map, x, y } = this.state;
    this.state = isOpen && !state.block ? { block, map, x, y, ...state } : state;
    this.drawHeld();
    open(inputTabs(), state.in, isOpen);
    open(tabButtons(), state.tab, isOpen);
    this.moveHeld(openTab());
    if (state.block) openInside(state);
    this.enlarge();
    this.open((this.pair && state.step) || 0, false);
    if (this.panel.hidden) return;
    const [{ type }] = performance.getEntriesByType("navigation");
    if (type !== "reload") this.panel.scrollIntoView({ block: "start" }); // a link's reader has seen nothing yet
  }

  // The wide pad is made when its tab is first opened.
  drawHeld() {
    for (const key of Object.keys(PADS)) {
      const pad = padOf(key), text = this.held[key];
      if (!pad || text === undefined) continue;
      delete this.held[key];
      const drawing = text ? decode(text) : { marks: [] };
      if (drawing.picture) pad.dispatchEvent(new CustomEvent("pad-load", { detail: drawing.picture }));
      else pad.dispatchEvent(new CustomEvent("pad-draw", { detail: fitted(drawing, pad.querySelector("canvas")) }));
    }
  }

  // Fields, too, are made when their tab is first opened.
  moveHeld(tab, tries = 60) {
    if (!FIELDS[tab]) return;
    setTimeout(() => {
      const fields = fieldsOf(tab);
      if (!fields.length) return tries && this.moveHeld(tab, tries - 1);
      this.first[tab] ??= valuesOf(tab, this.limits[tab]);
      const held = this.held[tab]?.split("_") ?? [];
      delete this.held[tab];
      held.forEach((value, i) => {
        if (fields[i].type === "radio") return fields[value]?.click();
        fields[i].value = value;
        fields[i].dispatchEvent(new Event("input", { bubbles: true }));
      });
    }, 50);
  }

  get fields() { // that were changed
    return Object.fromEntries(Object.keys(FIELDS).map((tab) => {
      const values = valuesOf(tab, this.limits[tab]);
      return [tab, tab in this.first && values !== this.first[tab] ? values : this.held[tab]];
    }));
  }

  // Drawings that are too long for an address outlive a reload all the same.
  restore() {
    Object.assign(this.held, JSON.parse(sessionStorage.getItem(KEPT) ?? "{}"));
    this.drawHeld();
  }

  // What is on each pad, as an address holds it.
  get inks() {
    return Object.fromEntries(Object.keys(PADS).map((key) => {
      const pad = padOf(key), asked = {};
      if (!pad) return [key, this.held[key]];
      pad.dispatchEvent(new CustomEvent("pad-ask", { detail: asked }));
      return [key, encode(asked, pad.querySelector("canvas"))];
    }));
  }

  remember(inks = this.inks, state = this.state) {
    const rest = { ...state, ...this.fields };
    const fragment = write({ ...rest, ...inks });
    this.tooLong = fragment.length > MOST;
    const told = this.tooLong ? write(rest) : fragment;
    history.replaceState(null, "", `${location.pathname}${location.search}${told && "#"}${told}`);
    if (this.tooLong) keep(KEPT, JSON.stringify(inks));
    else sessionStorage.removeItem(KEPT);
    clearTimeout(this.timer); // last: of too many addresses in a short time a browser refuses some
  }

  changed(state = {}) {
    this.say(""); // it was of what stood here before
    Object.assign(this.state, state);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.remember(), REST_MS);
  }

  // Of an upload the link has what the networks saw of it.
  async copy() {
    this.say(""); // so that the same words are read out again
    const seen = inputTab() === "upload" && $("#steps img[alt$='28×28']:not([alt^='Sign'])");
    const state = { ...this.state, guess: undefined }; // whoever opens the link guesses anew
    this.remember(seen ? { ...this.inks, ink: encodePicture(seen.src) } : this.inks, state);
    const missing = this.missing(seen);
    try {
      await navigator.clipboard.writeText(location.href);
      this.remember();
      this.say(`The link is copied${missing || ", with what is drawn and what was chosen: tabs, block, map, pixel, sliders, the score to explain and the lesson’s step"}.`);
    } catch { // no permission, or no secure connection
      this.say(`The address of this page is the link${missing}: copy it from there.`);
    }
  }

  missing(seen) {
    if (this.tooLong) return ", without what is on the pads, which is too long for an address";
    if (seen) return ", with the upload’s first digit as the networks see it (28×28), for the pad";
    const isOfFile = $("#answers [data-drawing]")?.dataset.drawing === "file";
    return isOfFile || FILES.includes(inputTab()) ? ", without files" : "";
  }

  // --- What the visitor does

  listen() {
    addEventListener("hashchange", ({ newURL }) => this.follow(true, new URL(newURL).hash));
    document.addEventListener("pad-sent", ({ target }) => {
      this.changed();
      if (!target.matches(".drawing")) this.remember(); // or a reload would lose the stroke
    });
    document.addEventListener("pad-ready", () => this.drawHeld());
    document.addEventListener("inside-look", ({ detail }) => this.changed(detail));
    $("#more-tabs").addEventListener("click", () => setTimeout(() => {
      this.state.tab = openTab();
      this.remember(); // or a page that is loaded anew at once would lose it
      this.changed(); // what a button does to fields comes later
      this.moveHeld(openTab());
    }));
    for (const event of ["input", "change"]) $("#more-tabs").addEventListener(event, () => this.changed());
    $("#input-tabs").addEventListener("click", () => setTimeout(() => {
      const tab = inputTab();
      this.state.in = tab === "draw" || FILES.includes(tab) ? undefined : tab;
      this.remember();
      this.changed();
    }));
    this.root.addEventListener("click", ({ target }) => {
      const { lesson } = target.closest("button")?.dataset ?? {};
      if (lesson === "copy") this.copy();
      if (lesson === "large") this.changed({ large: this.state.large ? undefined : 1 });
      this.enlarge();
      if (lesson === "start") this.open(this.panel.hidden ? 1 : 0);
    });
    this.panel.addEventListener("click", ({ target }) => this.clicked(target.closest("button")?.dataset ?? {}));
    this.panel.addEventListener("change", ({ target }) => (
      target.name === "lesson-guess" && this.guessed(Number(target.value))));
    this.panel.addEventListener("input", ({ target }) => target.matches("textarea") && keep(WORDS, target.value));
  }

  guessed(guess) {
    this.changed({ guess });
    this.panel.querySelector("nav .primary").textContent = NEXT;
  }

  clicked({ step, open }) {
    if (step) this.open(Number(step));
    if (!open) return;
    openInside({ block: Number(open) });
    setTimeout(() => this.say(`Block ${open} is open below.`), REST_MS); // what follows empties it
  }

  enlarge() {
    const large = Boolean(this.state.large);
    document.documentElement.classList.toggle("large-type", large);
    this.button("large").setAttribute("aria-pressed", String(large));
  }

  // --- The steps; 0 closes

  open(step, byVisitor = true) {
    const tab = tabButtons().find(({ id }) => id === "inside-tab-button");
    const focused = this.panel.contains(document.activeElement);
    this.panel.hidden = step === 0;
    document.body.dataset.lessonStep = step;
    this.button("start").textContent = step ? "End the lesson" : "Lesson in five steps";
    if (byVisitor) this.changed(step ? { step } : { step: undefined, guess: undefined });
    if (step === 0 && focused) tab?.focus(); // it would be lost with the panel
    if (step === 0) return;
    this.panel.innerHTML = SKELETON;
    const { title, parts } = this.steps()[step - 1];
    this.panel.querySelector("h3").textContent = `Lesson, step ${step} of 5: ${title}`;
    this.panel.querySelector(".lesson-body").append(...parts);
    const [back, next] = this.panel.querySelectorAll("nav button");
    back.dataset.step = step - 1;
    back.textContent = step > 1 ? "Back" : "End the lesson";
    next.dataset.step = step < 5 ? step + 1 : 0;
    next.textContent = step === 5 ? "End the lesson" : step > 1 || this.state.guess ? NEXT : "Go on without a guess";
    if (!byVisitor) return;
    tab?.click();
    openInside({ block: this.pair.block + 1 });
    requestAnimationFrame(() => { // when the tab is there
      this.panel.querySelector("h3").focus();
      this.panel.scrollIntoView({ block: "start" });
    });
  }

  steps() {
    const { block, one, other, next, kept } = this.pair;
    const [a, b] = [one, other].map((network) => network.blocks[block]);
    const { ratio, formula } = comparison(a, b);
    const { m, k } = a[0], n = a.at(-1).n;
    const guess = GUESSES[this.state.guess - 1];
    const right = GUESSES[nearest(ratio)];
    const opened = [next, kept].filter((index) => index !== undefined);
    return [
      { title: "predict", parts: [
        text(`Block ${block + 1} makes ${many(n, "output map")} from ${many(m, "input map")}. ${one.title} needs ${number(cost(a).total)} `
          + `multiplications for it. ${other.title} first filters each input map once, then mixes the filtered maps. `
          + "How many will it need? Guess: what this page shows of it is hidden until step 3."),
        choice(this.state.guess),
      ] },
      { title: "look", parts: [
        text("The block below works on the digit of Draw or Upload, whichever was open last; while there is none, on an example. Choose "
          + `“${$("[data-move='1']").innerText.replace(" ›", "")}” several times. What is swapped at ${one.title}? What stays at ${other.title}, and what alone moves?`),
        answer((m === 1
          ? `${one.title} swaps its kernel. At ${other.title} the filtered map stays, and only its weight moves. `
          : `${one.title} swaps all its ${number(m)} kernels, one for each input map. At ${other.title} the `
            + `${many(m, "filtered map")} stay, and only ${many(m, "weight")} move, one for each. `)
          + "The bias that is added last is another one at both."),
      ] },
      { title: "count", parts: [
        text(`Press ${calm.matches ? "Step" : "Play, or Step"}. Watch the counters: when does ${other.title} do its ${k}×${k} work, and how often?`),
        answer(`First, and once: one ${k}×${k} kernel for each input map. Then it only mixes, while ${one.title} filters every input `
          + "map anew for each output map."),
      ] },
      { title: "compare", parts: [
        text(`${guess ? `You said: ${guess}. ${guess === right ? "That is nearest" : `Nearest is “${right}”`}` : `“${right}” is nearest`}: `
          + `${sum(a)} against ${sum(b)}, ${ratio.toFixed(2)} times fewer.`),
        ...(opened.length ? [
          text(`Will another block save more, or less?${kept === undefined ? "" : ` And block ${kept + 1}, which ${other.title} keeps standard?`} `
            + `Say it, then look at what it says below. ${inAll(one, other)}: “Where the multiplications of one digit are”, under the answers, shows in which.`),
          node("p", opened.flatMap((index) => [link(`Open block ${index + 1}`, { open: index + 1 }), " "])),
          answer(`${next === undefined ? "" : `Block ${next + 1}: ${comparison(one.blocks[next], other.blocks[next]).ratio.toFixed(2)} times fewer. `}`
            + (kept === undefined ? "" : `Block ${kept + 1} saves nothing, and is ${percent(cost(other.blocks[kept]).total / other.macs)} of what `
              + `${other.title} still multiplies in all.`)),
        ] : []),
      ] },
      { title: "explain", parts: [
        text(`Why is it so much cheaper? And why is ${other.title} not done after filtering? Write it down, or tell your `
          + "neighbour. What you write stays in this browser."),
        words(),
        answer(`In block ${block + 1}: filtering is done once for all ${formula.n} output maps: 1/${formula.n} of the work. `
          + `Mixing has one weight where a kernel has ${formula.k ** 2}: 1/${formula.k ** 2}. `
          + `1/${formula.n} + 1/${formula.k ** 2} = 1/${ratio.toFixed(2)}: the more output maps, the nearer to ${formula.k ** 2} times. Why mix at all? ${withoutMixing(m)}`),
      ] },
    ];
  }
}

const NEXT = "Next step";
const SKELETON = `<h3 tabindex="-1"></h3><div class="lesson-body"></div>
  <nav aria-label="Steps"><button type="button"></button><button type="button" class="primary"></button></nav>`;

function node(kind, content, attributes = {}) {
  const made = document.createElement(kind);
  made.append(...[content].flat());
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const text = (content) => node("p", content);
const words = () => (
  node("textarea", sessionStorage.getItem(WORDS) ?? "", { rows: 3, "aria-label": "Your explanation" }));
const answer = (content) => node("details", [node("summary", "Compare with ours"), text(content)]);
const link = (content, { open }) => node("button", content, { type: "button", "data-open": open });

function choice(guess) {
  const options = GUESSES.map((name, i) => {
    const input = node("input", [], { type: "radio", name: "lesson-guess", value: i + 1 });
    input.checked = guess === i + 1;
    return node("label", [input, ` ${name}`]);
  });
  return node("fieldset", [node("legend", "Your guess", { class: "visually-hidden" }), ...options]);
}

const percent = (share) => (share < 0.005 ? "less than 1 %" : `${Math.round(100 * share)} %`);

function inAll(one, other) {
  if (one.macs > other.macs) return `All layers together save ${(one.macs / other.macs).toFixed(2)} times`;
  return `With all layers ${other.title} needs ${(other.macs / one.macs).toFixed(2)} times as many, as they differ elsewhere, too`;
}

const nearest = (ratio) => {
  const distances = FACTORS.map((factor) => Math.abs(Math.log(factor / ratio)));
  return distances.indexOf(Math.min(...distances));
};

// The first block that is standard in one network, separable and cheaper in another and else the same; the next such;
// and the dearest that is kept: the same standard one in both.
function pairOf(networks) {
  for (const one of networks) {
    for (const other of networks) {
      const found = one.blocks.flatMap((block, i) => (
        other.blocks[i] && !isSeparable(block) && comparison(block, other.blocks[i]).formula ? [i] : []));
      if (!found.length) continue;
      const total = (i) => cost(other.blocks[i]).total;
      const [kept] = other.blocks.map((_, i) => i).filter((i) => one.blocks[i] && !isSeparable(one.blocks[i])
        && !isSeparable(other.blocks[i]) && cost(one.blocks[i]).total === total(i)).sort((i, j) => total(j) - total(i));
      return { one, other, block: found[0], next: found[1], kept };
    }
  }
  return null;
}

// Every tab once, in its place or in the menu of those that have no room.
function tabButtons() {
  return [...document.querySelectorAll("#more-tabs [role=tab], #more-tabs .overflow-dropdown button")];
}

// Where no tab is named it is the first one, which a page that has just been opened shows anyway.
function open(tabs, name, isOpen) {
  const tab = name || !isOpen ? tabs.find((one) => slug(one.textContent) === name) : tabs[0];
  if (tab?.ariaSelected !== "true") tab?.click();
}

const openTab = () => slug($("#more-tabs [role=tab][aria-selected=true]")?.textContent ?? "");
const inputTabs = () => [...document.querySelectorAll("#input-tabs [role=tab]")];
const inputTab = () => slug(inputTabs().find((tab) => tab.ariaSelected === "true")?.textContent ?? "");

// The tab's script may still be on its way: it finds what is to be opened where it stands.
function openInside(detail) {
  const root = $(".inside");
  root.dataset.open = JSON.stringify(detail);
  root.dispatchEvent(new CustomEvent("inside-open"));
}

// An error where a picture is damaged.
async function whole(url) {
  if (!url) return;
  const picture = new Image();
  picture.src = url;
  await picture.decode();
}

function keep(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch { // full: then a reload loses it, as the link says
    sessionStorage.removeItem(key);
  }
}
