// The tab "Inside one block": what is looked at, and who has to be told when that changes.
import { decode, unpack } from "./layers.js";
import { limitOf, paint } from "./paint.js";
import { Pane } from "./pane.js";
import { all, comparison, cost, duration, finished, isSeparable, many, momentAt, number, saySwap, safe, steps, sum, weights } from "./story.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const WHAT_TO_DO = "Point at or tap a pixel of an output map, choose another map, or have the multiplications counted.";
const REST_MS = 1500;
const QUIET_MS = 500; // a pixel is spoken when the arrow keys have rested so long

export async function start(element) {
  const root = element.querySelector(".inside");
  const manifest = JSON.parse(root.dataset.manifest);
  try {
    const answer = await fetch(new URL(manifest.weights, document.baseURI));
    if (!answer.ok) throw new Error(answer.statusText);
    new Explorer(root, manifest, await answer.arrayBuffer());
  } catch (error) {
    root.querySelector(".inside-step [role=status]").textContent = "The weights could not be loaded: reload the page.";
    throw error;
  }
}

class Explorer {
  constructor(root, manifest, buffer) {
    this.root = root;
    this.manifest = manifest;
    this.networks = unpack(manifest, buffer);
    this.panes = this.networks.map((network, i) => new Pane(network, i));
    this.maps = []; // the output map last looked at in each block
    this.pixel = null;
    this.step = -1;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.computed(data);
    this.worker.postMessage({ manifest, weights: buffer });
    root.querySelector(".inside-panes").append(...this.panes.map((pane) => pane.node));
    this.block = this.firstReplaced();
    this.buildBlocks();
    this.listen();
    this.openAsked();
    this.watch();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // The first block in which the two networks differ: where the lesson is.
  firstReplaced() {
    const [one, ...others] = this.networks.map((network) => network.blocks);
    const found = one.findIndex((block, i) => (
      others.some((other) => other[i] && isSeparable(block) !== isSeparable(other[i]))));
    return Math.max(found, 0);
  }

  buildBlocks() {
    const depth = Math.max(...this.networks.map((network) => network.blocks.length));
    this.find(".inside-blocks span").innerHTML = Array.from({ length: depth }, (_, i) => `
      <label><input type="radio" name="inside-block" value="${i}"${i === this.block ? " checked" : ""}>
      <span>${i + 1}</span></label>`).join("");
  }

  // --- What is looked at

  get shown() { // networks that have the block
    return this.panes.filter((pane) => this.block < pane.network.blocks.length);
  }

  get blocks() {
    return this.shown.map((pane) => pane.block);
  }

  get isAtRest() { // nothing plays, and no step is shown
    return this.frame === undefined && this.step < 0;
  }

  // Of the largest output maps, by whose pixels a place is told.
  get size() {
    const most = (side) => Math.max(...this.blocks.map((block) => block.at(-1)[side]));
    return { height: most("height"), width: most("width") };
  }

  openBlock(index) {
    this.halt();
    this.block = index;
    this.pixel = null;
    this.find(`.inside-blocks input[value="${index}"]`).checked = true;
    if (this.results) this.rebuild();
    this.tellLook();
  }

  // What an address or the lesson asks for: {block, map, x, y}, counted from 1, all but block optional.
  openAsked() {
    const { block, map, x, y } = JSON.parse(this.root.dataset.open ?? "{}");
    if (!block) return;
    if (block - 1 !== this.block) this.openBlock(block - 1);
    else if (this.results && this.isAtRest) this.rest(); // what was said before would tell the lesson's answer
    else if (this.results) this.stop();
    if (map) this.maps[this.block] = map - 1;
    if (x) this.pixel = { x: x - 1, y: y - 1 };
    if (this.results && (map || x)) this.look(this.maps[this.block]);
    this.tellLook();
  }

  // What is looked at, for whoever keeps it.
  tellLook() {
    const { block, pixel } = this;
    const map = this.maps[block];
    const detail = { block: block + 1, map: map === undefined ? undefined : map + 1, x: pixel && pixel.x + 1, y: pixel && pixel.y + 1 };
    this.root.dispatchEvent(new CustomEvent("inside-look", { bubbles: true, detail }));
  }

  rebuild() {
    for (const pane of this.panes) pane.node.hidden = this.block >= pane.network.blocks.length;
    for (const pane of this.shown) pane.open(this.block);
    for (const pane of this.shown) this.listenTo(pane);
    this.opened = this.block;
    this.maps[this.block] ??= this.results.lively[this.block];
    this.find(".inside-map input").max = finished(this.blocks).made - 1;
    this.find(".inside-tally").replaceChildren(...this.shown.map((pane) => pane.tally));
    this.feed();
    this.rest();
  }

  feed() {
    paint(this.find(".inside-digit canvas"), this.digit[0], this.networks[0].input[2], "ink", limitOf(this.digit[0]));
    for (const pane of this.shown) pane.feed(this.results.inputs[pane.index][this.block]);
    this.look(this.maps[this.block]);
  }

  // In other colours, at the same step.
  repaint() {
    this.feed();
    if (this.step >= 0) this.revealMixed(this.story[this.step].moment);
  }

  // Until the visitor points at one: the pixel where both output maps are bright.
  brightest() {
    const outputs = this.shown.map((pane) => pane.parts.output);
    const alike = outputs.filter((output) => output.length === outputs[0].length);
    const shares = alike.map((output) => {
      const most = limitOf(output);
      return output.map((value) => value / most);
    });
    const least = shares[0].map((_, i) => Math.min(...shares.map((share) => share[i])));
    const at = least.indexOf(Math.max(...least));
    const { width } = this.blocks[0].at(-1);
    return this.place(this.shown[0], at % width, Math.floor(at / width));
  }

  // A pixel of a pane's own map as that of the largest map; `light` finds it again.
  place({ last }, column, row) {
    const { height, width } = this.size;
    const within = (at, own, most) => Math.floor(((Math.min(Math.max(at, 0), own - 1) + 0.5) * most) / own);
    return { x: within(column, last.width, width), y: within(row, last.height, height) };
  }

  look(map, flash = false, ahead = 0) {
    this.map = map;
    this.find(".inside-pixel").textContent = ""; // what it said was of another map
    for (const pane of this.shown) {
      pane.look(ahead ? this.maps[this.block] : map, ahead);
      if (flash) pane.flash();
    }
    const maps = finished(this.blocks).made;
    this.find(".inside-map output").textContent = `${number(map + 1)} of ${number(maps)}`;
    const slider = this.find(".inside-map input");
    slider.value = map;
    slider.ariaValueText = `${map + 1} of ${maps}`;
    const { x, y } = this.pixel ?? (flash ? this.lit : this.brightest()); // only the map moves
    this.light(x, y);
  }

  // The visitor's choice: it is kept, and what moves is shown.
  choose(map) {
    const maps = finished(this.blocks).made;
    this.halt();
    this.maps[this.block] = (map + maps) % maps;
    this.rest(`Output map ${this.maps[this.block] + 1}. ${saySwap(this.sides, this.maps[this.block])}`);
    this.look(this.maps[this.block], true);
    this.tellLook();
  }

  // The pixel of a pane that the visitor points at is kept.
  point(pane, column, row) {
    this.pixel = this.place(pane, column, row);
    this.light(this.pixel.x, this.pixel.y);
    if (this.step < 0) this.say("", this.ofPixel((one) => one.pixelCost()));
    this.tellLook();
  }

  light(x, y) {
    const { height, width } = this.size;
    this.lit = { x, y };
    for (const pane of this.shown) pane.point((x + 0.5) / width, (y + 0.5) / height);
  }

  // What `say` says of each pane, behind its pixel where that is another than the pane's before.
  ofPixel(say) {
    const places = this.shown.map(({ x, y }) => `Row ${y + 1}, column ${x + 1}. `);
    return this.shown.map((pane, i) => `${places[i] === places[i - 1] ? "" : places[i]}${say(pane)}`).join(" ");
  }

  speakPixel() {
    clearTimeout(this.speaking);
    const value = ({ network, node, map, isOut, isUnmixed }) => (
      `${network.title}${isOut ? `, output map ${map + 1}` : ""}: ${isUnmixed ? "not mixed yet" : Number(node.dataset.output).toFixed(2)}.`);
    this.speaking = setTimeout(() => {
      this.find(".inside-pixel").textContent = this.ofPixel(value);
    }, QUIET_MS);
  }

  // --- The story

  get sides() {
    return this.shown.map((pane) => ({ title: pane.network.title, block: pane.block }));
  }

  get story() {
    return steps(this.sides);
  }

  tell(moment, result = false) {
    const most = Math.max(...this.blocks.map((block) => cost(block).total));
    for (const pane of this.shown) pane.tell(moment, most);
    this.find(".inside-result").classList.toggle("waiting", !result);
    this.find(".inside-bar").classList.toggle("resting", this.isAtRest);
  }

  rest(text = WHAT_TO_DO) {
    this.step = -1;
    for (const pane of this.shown) pane.note(false);
    this.find(".inside-result").innerHTML = resultHtml(this.shown, this.networks[0]);
    this.tell(finished(this.blocks), true);
    this.find('[data-run="step"]').textContent = "Step";
    this.say(text);
  }

  // `shown` is only seen: the pixel, which is spoken when the keys rest.
  say(text, shown = "") {
    const [spoken, seen] = this.find(".inside-step").children;
    if (spoken.textContent !== text) spoken.textContent = text;
    seen.textContent = shown;
  }

  nextStep() {
    const { story } = this;
    const wasPlaying = this.frame !== undefined;
    this.halt();
    this.step = wasPlaying ? 0 : (this.step + 1) % story.length;
    const { moment, say, whole, result } = story[this.step];
    const next = moment.made === 2 && !whole; // it is kept: the steps after it are of the same map
    if (next) this.maps[this.block] = this.nextOfAll;
    if (moment.made <= 2) this.look(this.maps[this.block], next);
    if (next) this.tellLook();
    else for (const pane of this.shown) pane.note(false);
    this.revealMixed(moment);
    this.tell(moment, result);
    this.say(`Count ${this.step + 1} of ${story.length}. ${say}`);
    this.find('[data-run="step"]').textContent = this.step + 1 < story.length ? "Step" : "Start again";
  }

  // Another output map of every network that has two.
  get nextOfAll() {
    const counts = this.blocks.map((block) => block.at(-1).n).filter((count) => count > 1);
    const next = this.maps[this.block] + 1;
    return next < Math.min(...counts) ? next : 0;
  }

  revealMixed({ mixed }) {
    for (const pane of this.shown) if (pane.separable) pane.reveal(mixed === 0 ? 0 : 1);
  }

  play() {
    if (this.frame !== undefined) return this.stop();
    this.halt();
    this.find('[data-run="play"]').textContent = "■ Stop";
    this.root.classList.add("playing");
    this.began = undefined;
    this.said = undefined;
    for (const pane of this.shown) pane.note(false);
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    const start = performance.now();
    this.began ??= now;
    const seconds = (now - this.began) / 1000;
    if (seconds >= duration(this.blocks)) return this.stop(true);
    this.showMoment(momentAt(seconds, this.blocks));
    performance.measure("inside-frame", { start });
    this.frame = requestAnimationFrame((time) => this.tick(time));
  }

  showMoment(moment) {
    const ahead = Math.max(0, Math.ceil(moment.made) - 1);
    const map = (this.maps[this.block] + ahead) % finished(this.blocks).made;
    this.fill(moment);
    if (map !== this.map) {
      this.look(map, false, ahead);
      for (const pane of this.shown) pane.note(true);
    }
    this.tell(moment);
    this.narrate(moment);
  }

  // The first map is filled in pixel by pixel.
  fill(moment) {
    const { height, width } = this.size;
    const filling = moment.made < 1 ? moment.made : moment.mixed < 1 ? moment.mixed : null;
    if (filling === null && this.filled) return;
    this.filled = filling === null;
    if (this.filled) return this.look(this.map);
    for (const pane of this.shown) {
      if (pane.separable) pane.paintFiltered(Math.min(moment.filtered, 1));
      pane.reveal(Math.min(pane.separable ? moment.mixed : moment.made, 1));
    }
    const at = Math.floor(filling * height * width);
    this.light(at % width, Math.floor(at / width));
  }

  // The sentence of the step that is under way; those of the whole wait for its end.
  narrate({ made, mixed }) {
    const parts = this.story.filter(({ whole }) => !whole);
    const { say } = parts.find(({ moment }) => made < moment.made || mixed < moment.mixed) ?? parts.at(-1);
    if (say === this.said) return;
    this.said = say;
    this.say(say);
  }

  stop(ended = false) {
    this.halt();
    this.look(this.maps[this.block]);
    this.rest();
    if (ended) this.say(this.story.filter(({ whole }) => whole).map(({ say }) => say).join(" "));
  }

  halt() {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.filled = false;
    this.root.classList.remove("playing");
    this.find('[data-run="play"]').textContent = "▶ Play";
    for (const pane of this.shown) if (pane.parts && pane.separable) pane.paintFiltered(1);
  }

  // --- Digits

  // Follow the answers: at once while the tab is on the screen, else when they rest, for who prints the page.
  watch() {
    const answers = document.querySelector("#answers");
    if (!answers) return setTimeout(() => this.watch(), 50); // the page is still being made
    new MutationObserver(() => this.read()).observe(answers,
      { childList: true, subtree: true, attributeFilter: ["data-digit", "data-count"] }); // answers are patched in place
    this.read();
    new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      this.read();
    }, { rootMargin: "400px" }).observe(this.root);
    const scheme = new MutationObserver(() => this.opened !== undefined && this.repaint());
    scheme.observe(document.body, { attributeFilter: ["class"] });
  }

  read(rested = false) {
    const drawing = document.querySelector(".pad.drawing"); // the pen comes first: it waits for what is done here
    clearTimeout(this.later);
    if ((drawing || !(this.visible || rested)) && this.wanted) {
      this.later = setTimeout(() => this.read(true), REST_MS);
      return;
    }
    const { digit = "", count = "0" } = document.querySelector("#digit-read")?.dataset ?? {};
    const wanted = digit || this.manifest.example.digits;
    this.caption = captionOf(digit, Number(count), this.manifest.example.label);
    if (wanted === this.wanted) {
      if (this.asked === undefined) this.label(); // what is shown is of it
      return;
    }
    this.wanted = wanted;
    this.ask();
  }

  ask() {
    if (this.asked !== undefined) return; // answered first, and then asked about the newest digit
    this.asked = this.wanted;
    this.digit = decode(this.wanted);
    this.worker.postMessage({ digit: this.digit });
  }

  computed(results) {
    this.results = results;
    const newest = this.asked === this.wanted;
    this.asked = undefined;
    if (!newest) return this.ask();
    this.label();
    if (this.opened !== this.block) this.rebuild();
    else {
      this.feed();
      if (!this.isAtRest) this.stop();
    }
    this.root.dataset.ready = this.wanted;
  }

  label() {
    this.find(".inside-digit figcaption").textContent = this.caption;
  }

  // --- What the visitor does

  listen() {
    this.find(".inside-blocks").addEventListener("change", (event) => this.openBlock(Number(event.target.value)));
    this.root.addEventListener("inside-open", () => this.openAsked());
    const slider = this.find(".inside-map input");
    slider.addEventListener("input", () => this.choose(Number(slider.value)));
    this.root.addEventListener("click", (event) => this.clicked(event.target));
    document.addEventListener("click", (event) => {
      const bar = event.target.closest("[data-inside-block]");
      if (bar) this.openFromOutside(Number(bar.dataset.insideBlock));
    });
    const still = () => { this.find('[data-run="play"]').hidden = calm.matches; };
    calm.addEventListener("change", still);
    still();
  }

  clicked(target) {
    if (!this.results) return;
    const { move, run } = target.closest("button")?.dataset ?? {};
    if (move) this.choose(this.maps[this.block] + Number(move));
    if (run === "play") this.play();
    if (run === "step") this.nextStep();
  }

  openFromOutside(block) {
    document.querySelector("#inside-tab-button").click();
    this.openBlock(block);
    requestAnimationFrame(() => { // when the tab is there
      this.root.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
      this.find(".inside-blocks input:checked").focus({ preventScroll: true });
    });
  }

  listenTo(pane) {
    const canvas = pane.find(".output canvas");
    const toPixel = (event) => {
      const box = canvas.getBoundingClientRect();
      const { height, width } = pane.last;
      if (this.frame !== undefined) this.stop();
      this.point(pane, Math.floor(((event.clientX - box.left) / box.width) * width),
        Math.floor(((event.clientY - box.top) / box.height) * height));
    };
    canvas.addEventListener("pointermove", toPixel);
    canvas.addEventListener("pointerdown", toPixel);
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      this.point(pane, pane.x + move[0], pane.y + move[1]);
      this.speakPixel();
    });
  }
}

function captionOf(digit, count, label) {
  if (!digit) return `Example: a ${label}. Draw your own.`;
  return count > 1 ? `The first of your ${count} digits` : "Your digit";
}

function resultHtml(panes, first) {
  if (panes.length < 2) return "<p>No other network has such a block.</p>";
  const [one, ...others] = panes;
  const { height, width } = one.block.at(-1);
  const isOffered = one.network === first && height === width; // in What if
  return others.map((other) => pairHtml(one, other, isOffered)).join("");
}

function pairHtml(one, other, isOffered) {
  const { ratio, formula } = comparison(one.block, other.block);
  const names = [one, other].map((pane) => safe(pane.network.title));
  if (ratio === 1) {
    const sizes = isOffered ? "; “What if” has its sizes for a separable one, too" : "";
    const standard = isSeparable(one.block) ? "" : `, which is standard in both${sizes}`;
    return `<p>${names.join(" and ")} need the same number of multiplications in this block${standard}.</p>`;
  }
  const fewer = ratio > 1 ? ratio : 1 / ratio;
  const cheaper = ratio > 1 ? other : one;
  const dearer = ratio > 1 ? one : other;
  const why = formula ? `
    <p class="formula"><b>1/${formula.n}</b> filtering is done once, for all ${formula.n} output maps</p>
    <p class="formula"><b>+ 1/${formula.k ** 2}</b> mixing has one weight where a kernel has ${formula.k ** 2}</p>
    <p class="formula">At one pixel of ${all(formula.n, "output map")} (N), from ${many(dearer.block[0].m, "input map")} (M), with K = ${formula.k}:
      M·N·K·K = ${weights(dearer.block)} against M·K·K + M·N = ${weights(cheaper.block)}. Each block has that many weights, not counting biases.</p>` : "";
  return `<p class="ratio"><b>${fewer.toFixed(2)}×</b> fewer multiplications for ${safe(cheaper.network.title)} than for ${safe(dearer.network.title)}<br>
    <small>${sum(cheaper.block)} against ${sum(dearer.block)}</small></p><div class="why-cheaper">${why}</div>`;
}
