// One side of the comparison: one network's block as a drawing, from its input maps to one output
// map. Every number shown is also a data attribute of the pane, in full precision.
import { kernelOf, strongest, takeApart } from "./layers.js";
import { limitOf, paint } from "./paint.js";
import { all, cost, counted, each, isSeparable, many, number, safe } from "./story.js";

export const DRAWN = 8; // channels drawn one by one
const MONTAGE_SHAPE = 3; // times as wide as high: the picture of the others

const ADDED = "+0.00"; // a 0 in a sum
const exact = (value) => value.toLocaleString("en-US");

// Two decimals; more where they would hide on which side of 0 a number is. `zero` is how a plain 0 reads.
export function signed(value, zero = "0.00") {
  const size = Math.abs(value);
  const digits = [2, 3, 4].find((count) => Number(size.toFixed(count)) > 0);
  return digits ? `${value < 0 ? "−" : "+"}${size.toFixed(digits)}` : zero;
}

const mapHtml = (kind) => `<span class="tile ${kind}"><canvas></canvas><i></i></span>`;

export class Pane {
  constructor(network, index) {
    this.network = network;
    this.index = index;
    this.side = network.colour;
    this.node = document.createElement("section");
    this.node.className = `pane ${this.side}`;
    this.tally = document.createElement("span"); // the count once more, where both are seen at once
    this.tally.className = this.side;
    this.tally.innerHTML = `${safe(network.title)} <b></b>`;
  }

  find(selector) {
    return this.node.querySelector(selector);
  }

  // Another block: the pane is built anew.
  open(index) {
    this.block = this.network.blocks[index];
    this.node.setAttribute("aria-label", `${this.network.title}, block ${index + 1}`);
    this.node.dataset.block = index;
    this.node.dataset.kind = isSeparable(this.block) ? "separable" : "standard";
    this.separable = isSeparable(this.block);
    this.first = this.block[0];
    this.last = this.block.at(-1);
    this.rows = Math.min(DRAWN, this.first.m);
    this.node.innerHTML = skeleton(this);
    this.rowNodes = [...this.node.querySelectorAll(".lane[data-row]")];
    this.find(".others").hidden = this.first.m <= this.rows;
    this.note(false);
  }

  // Another digit: `inputs` holds what goes into each layer of the block.
  feed(inputs) {
    this.inputs = inputs;
    this.drawn = strongest(this.last, inputs.at(-1), this.rows);
    this.hidden = Array.from({ length: this.first.m }, (_, m) => m)
      .filter((m) => !this.drawn.includes(m));
    this.inputLimit = limitOf(inputs[0]);
    this.filterLimit = limitOf(inputs.at(-1));
    this.node.dataset.drawn = this.drawn.join(" ");
    this.paintInputs();
  }

  plane(layer, input, m) {
    const area = layer.inHeight * layer.inWidth;
    return input.subarray(m * area, (m + 1) * area);
  }

  paintInputs() {
    const { first, side, inputLimit } = this;
    this.drawn.forEach((m, row) => {
      const canvas = this.rowNodes[row].querySelector(".input canvas");
      paint(canvas, this.plane(first, this.inputs[0], m), first.inWidth, side, inputLimit);
      if (this.separable) this.paintKernel(row, m, m);
    });
    if (this.separable) this.paintFiltered(1);
    else if (this.hidden.length) this.paintMontage(first, this.inputs[0], inputLimit);
  }

  // How far step 1 is: all filtered maps are filled together, from the top.
  paintFiltered(share) {
    const { last } = this;
    const count = Math.floor(share * last.inHeight * last.inWidth);
    this.drawn.forEach((m, row) => {
      const canvas = this.rowNodes[row].querySelector(".product canvas");
      const plane = this.plane(last, this.inputs[1], m);
      paint(canvas, plane, last.inWidth, this.side, this.filterLimit, count);
    });
    if (!this.hidden.length) return;
    if (share === 1) this.paintMontage(last, this.inputs[1], this.filterLimit);
    this.find(".montage").style.opacity = share;
  }

  // The maps that are not drawn one by one, as one picture.
  paintMontage(layer, input, limit) {
    const across = Math.ceil(Math.sqrt(MONTAGE_SHAPE * this.hidden.length));
    const down = Math.ceil(this.hidden.length / across);
    const { inHeight, inWidth } = layer;
    const sheet = new Float32Array(across * inWidth * down * inHeight);
    this.hidden.forEach((m, place) => {
      const plane = this.plane(layer, input, m);
      const left = (place % across) * inWidth, top = Math.floor(place / across) * inHeight;
      for (let y = 0; y < inHeight; y++) {
        sheet.set(plane.subarray(y * inWidth, (y + 1) * inWidth), (top + y) * across * inWidth + left);
      }
    });
    paint(this.find(".montage"), sheet, across * inWidth, this.side, limit);
  }

  paintKernel(row, n, m) {
    const kernel = kernelOf(this.first, n, m);
    paint(this.rowNodes[row].querySelector(".kernel"), kernel, this.first.k, "signed", limitOf(kernel));
  }

  // Another output map: the last one where there are no more, and `ahead` more of those that there are.
  look(n, ahead = 0) {
    const maps = this.last.n;
    this.map = (Math.min(n, maps - 1) + Math.min(ahead, maps - 1)) % maps;
    this.isOut = (ahead || n) >= maps;
    this.parts = takeApart(this.last, this.inputs.at(-1), this.map, this.drawn);
    this.productLimit = limitOf(...this.parts.products);
    if (this.separable) this.showWeights();
    else this.drawn.forEach((m, row) => this.paintKernel(row, this.map, m));
    for (const node of this.node.querySelectorAll(".map-number")) node.textContent = number(this.map + 1);
    this.node.dataset.map = this.map;
    this.node.dataset.share = this.parts.share;
    this.find(".share").textContent = this.shareText();
    this.reveal(1);
  }

  shareText() {
    if (!this.hidden.length) return "";
    const share = Math.round(100 * this.parts.share);
    return `${share}\u00a0% of this output map comes from the ${many(this.rows, "map")} drawn, ${100 - share}\u00a0% from `
      + `the ${many(this.hidden.length, "other")} (what is taken away counts like what is added).`;
  }

  showWeights() {
    const weights = this.drawn.map((m) => kernelOf(this.last, this.map, m)[0]);
    const limit = limitOf(weights);
    weights.forEach((weight, row) => {
      const node = this.rowNodes[row].querySelector(".weight");
      node.querySelector("b").textContent = `× ${signed(weight).replace("+", "")}`;
      node.style.setProperty("--size", Math.abs(weight) / limit);
      node.classList.toggle("minus", weight < 0);
    });
    this.node.dataset.weights = weights.join(" ");
  }

  // Paint the output map up to a share of its pixels; a standard block's products, too.
  reveal(share) {
    const { parts, last, side } = this;
    const count = Math.floor(share * last.height * last.width);
    if (!this.separable) {
      parts.products.forEach((plane, row) => {
        const canvas = this.rowNodes[row].querySelector(".product canvas");
        paint(canvas, plane, last.width, "signed", this.productLimit, count);
      });
    }
    if (this.hidden.length) {
      const canvas = this.find(".others .product canvas");
      paint(canvas, parts.rest, last.width, "signed", limitOf(parts.rest), count);
    }
    paint(this.find(".total canvas"), parts.sum, last.width, "signed", limitOf(parts.sum), count);
    paint(this.find(".output canvas"), parts.output, last.width, side, limitOf(parts.output), count);
  }

  // Light one pixel of the output map and the windows that made it; write its sum out. Where it is: shares of the map.
  point(across, down) {
    const { first, last, node } = this;
    const x = Math.floor(across * last.width), y = Math.floor(down * last.height);
    Object.assign(this, { x, y });
    const percent = (name, value, of) => node.style.setProperty(name, `${(100 * value) / of}%`);
    percent("--window-left", x * first.stride - first.padding, first.inWidth);
    percent("--window-top", y * first.stride - first.padding, first.inHeight);
    percent("--window-width", first.k, first.inWidth);
    percent("--window-height", first.k, first.inHeight);
    percent("--spot-left", x, last.width);
    percent("--spot-top", y, last.height);
    percent("--spot-width", 1, last.width);
    percent("--spot-height", 1, last.height);
    this.writeSum(y * last.width + x);
  }

  writeSum(at) {
    const { parts, node, last } = this;
    const products = parts.products.map((plane) => plane[at]);
    const [rest, sum, output] = [parts.rest[at], parts.sum[at], parts.output[at]];
    Object.assign(node.dataset, {
      products: products.join(" "), rest, sum, bias: parts.bias, output, pixel: at,
    });
    const area = last.inHeight * last.inWidth;
    const filtered = this.separable ? this.drawn.map((m) => this.inputs[1][m * area + at]) : [];
    node.dataset.filtered = filtered.join(" ");
    products.forEach((value, row) => this.writeTerm(row, value, filtered[row]));
    if (this.hidden.length) {
      this.find(".others .value").textContent = signed(rest);
      this.find(".terms .rest").textContent = `${signed(rest, ADDED)} (${many(this.hidden.length, "other")})`;
    }
    this.find(".terms .bias").textContent = `${signed(parts.bias, ADDED)} (bias)`;
    this.find(".terms .made").textContent = signed(sum + parts.bias);
    this.find(".terms .out").textContent = output.toFixed(2);
    this.find(".tail .bias-value").textContent = signed(parts.bias);
  }

  writeTerm(row, value, filtered) {
    const term = this.node.querySelectorAll(".terms .term")[row];
    this.rowNodes[row].querySelector(".value").textContent = signed(value);
    if (!this.separable) term.textContent = signed(value, ADDED);
    else term.textContent = `${signed(kernelOf(this.last, this.map, this.drawn[row])[0], ADDED)}·${filtered.toFixed(2)}`;
  }

  // The counter and, while the story runs, what is made so far.
  tell(moment, most) {
    const count = Math.round(counted(this.block, moment));
    const { step1, total } = cost(this.block);
    this.node.dataset.count = count;
    this.find(".count b").textContent = number(count);
    this.tally.lastChild.textContent = number(count);
    const split = this.separable
      ? `to filter ${number(Math.min(count, step1))}, to mix ${number(Math.max(0, count - step1))}`
      : `${number(total / this.last.n)} for ${each(this.last.n, "output map")}`;
    this.find(".count small").textContent = split;
    const [one, two] = this.node.querySelectorAll(".meter i");
    one.style.width = `${(100 * Math.min(count, step1)) / most}%`;
    two.style.width = `${(100 * Math.max(0, count - step1)) / most}%`;
    this.isUnmixed = this.separable && moment.mixed === 0;
    this.node.classList.toggle("unmixed", this.isUnmixed);
    for (const later of this.node.querySelectorAll(".sum, .share")) later.ariaHidden = this.isUnmixed; // it is pale, too
  }

  // So that it is seen what moves with the output map, and what stays.
  flash() {
    this.node.classList.remove("swapped");
    void this.node.offsetWidth; // restarts the animation
    this.node.classList.toggle("swapped", !this.isOut);
    this.note(true);
  }

  // What one pixel of one output map takes.
  pixelCost() {
    const { m, k } = this.first, area = k * k, { title } = this.network;
    if (!this.separable) return `${title}: ${number(m * area)} multiplications.`;
    return `${title}: ${number(this.last.m)} to mix, ${shareOf(this)} as its share of filtering.`;
  }

  note(swapped) {
    const text = swapped ? this.swapText() : this.separable ? separableNote(this.first, this.last) : standardNote(this.first);
    this.find(".swap-note").textContent = text;
  }

  swapText() {
    if (this.isOut) return `There are only ${many(this.last.n, "output map")}.`;
    if (this.separable) {
      const kept = this.first.m === 1 ? "filtered map stays" : `${number(this.first.m)} filtered maps stay`;
      return `Another output map: the ${kept}, only ${many(this.last.m, "weight")} and the bias change.`;
    }
    const { m, k } = this.first;
    return `Another output map: ${all(m, "kernel")} swapped, ${number(m * k * k)} new weights, and another bias.`;
  }
}

// Of filtering, which all output maps share, what falls on one of them, and `own` more: a fraction if two decimals do not do.
function shareOf({ first, last }, own = 0) {
  const filtering = first.m * first.k ** 2;
  if ((100 * filtering) % last.n === 0) return exact(own + filtering / last.n);
  return `${own ? `${number(own)} + ` : ""}${number(filtering)}/${number(last.n)}`;
}

function skeleton(pane) {
  const { network, first, last, separable, rows } = pane;
  const kind = separable ? "depthwise separable" : "standard convolution";
  return `
  <header><h2>${safe(network.title)}<small>${kind}</small></h2>
    <p class="count"><b></b> multiplications<br><small></small></p>
    <div class="meter" aria-hidden="true"><i class="step1"></i><i class="step2"></i></div></header>
  <p class="swap-note"></p>
  <div class="flow">
    <div class="rows">
      ${separable ? separableHead(first) : standardHead(first)}
      ${Array.from({ length: rows }, (_, row) => rowHtml(separable, row)).join("")}
      ${othersHtml(separable, first.m - rows)}
    </div>
    <div class="tail">${tailHtml(separable, last, network)}</div>
  </div>
  <p class="share"></p>
  <div class="sum">${sumHtml(pane)}</div>`;
}

const kernels = (count, k) => `${many(count, "kernel")} of ${many(k * k, "weight")}`;
const standardNote = ({ m, n, k }) => `For each output map a kernel of its own for ${each(m, "input map")}: ${number(m)} × ${number(n)} = ${kernels(m * n, k)}.`;
const separableNote = ({ m, k }, { n }) => `One kernel for ${each(m, "input map")}, shared by all output maps: ${kernels(m, k)}; to mix, ${many(m * n, "single weight")}.`;

const standardHead = ({ m }) => `
  <p class="steps-head"><span class="whole">Filter and mix at once</span></p>
  <p class="lane heads"><span>${many(m, "input map")}</span><span></span>
    <span class="moves">${m === 1 ? "kernel" : "kernels"} for map <b class="map-number"></b></span><span></span>
    <span>products, summed</span><span>at the pixel</span></p>`;

const separableHead = ({ m }) => `
  <p class="steps-head"><span class="one">First: filter <small>depthwise</small></span>
    <span class="two">Then: mix <small>pointwise, 1×1</small></span></p>
  <p class="lane heads"><span>${many(m, "input map")}</span><span></span>
    <span>${m === 1 ? "its kernel" : "one kernel each"}</span><span></span>
    <span>filtered, + bias, ReLU</span><span class="both"><span class="moves">${m === 1 ? "weight" : "weights"} for map <b class="map-number"></b></span><span>at <i>the</i> pixel</span></span></p>`;

function rowHtml(separable, row) {
  const end = separable
    ? '<span class="both"><span class="weight"><b></b><span class="beam"><i></i></span></span><span class="value"></span></span>'
    : '<span class="value"></span>';
  return `<div class="lane" data-row="${row}" aria-hidden="true" style="--row:${row}">${mapHtml("input")}
    <span class="op">∗</span><canvas class="kernel"></canvas>
    <span class="op">${separable ? "→" : "="}</span>${mapHtml("product")}${end}</div>`;
}

function othersHtml(separable, count) {
  const told = separable
    ? `${many(count, "other filtered map")}, and their weighted sum`
    : `${many(count, "other input map")}, and the sum of their products`;
  return `<div class="lane others" aria-hidden="true"><canvas class="montage"></canvas>
    ${mapHtml("product")}<span class="rest-value"><span class="value"></span><small>${many(count, "other")}</small></span>
    <small class="told">${told}</small></div>`;
}

function tailHtml(separable, last, network) {
  return `<span class="sigma" aria-hidden="true">Σ</span>
    <span class="tile total"><canvas aria-hidden="true"></canvas><i></i></span><small>sum</small>
    <span class="op">+ bias <b class="bias-value"></b></span>
    <span class="op">ReLU: negative → 0</span>
    <span class="tile output"><canvas tabindex="0" role="application"
      aria-label="Output map of ${safe(network.title)}: arrow keys choose a pixel"></canvas><i></i></span>
    <small>output map <b class="map-number"></b> of ${number(last.n)}</small>`;
}

function sumHtml({ separable, first, last, rows, block }) {
  const { m, k } = first;
  const area = k * k;
  const count = separable
    ? `<b>${number(last.m)}</b> multiplication${last.m === 1 ? "" : "s"} for this pixel, + ${number(m)} × ${area} shared by ${all(last.n, "output map")}, ${shareOf({ first, last })} for each: ${shareOf({ first, last }, last.m)} in all.`
    : `<b>${number(m * area)}</b> multiplications for this pixel: ${many(m, "map")} × ${area}.`;
  const size = `Times ${last.height} × ${last.width} pixels × ${many(last.n, "output map")}: ${number(cost(block).total)}.`;
  const terms = Array.from({ length: rows }, () => '<span class="term"></span>').join(" ");
  return `<p class="sum-count">${count} ${size}</p><p class="terms">${terms} <span class="rest"></span>
    <span class="bias"></span><span class="result">≈ <span class="made"></span>, after ReLU <b class="out"></b></span></p>`;
}
