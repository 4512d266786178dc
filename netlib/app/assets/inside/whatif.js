// The tab "What if": the cost of a convolution for any sizes.
import { isSeparable, number, safe } from "./story.js";

export const SIZES = [
  { key: "m", name: "M", text: "input maps", min: 1, max: 1024, step: 1, say: number, typed: true },
  { key: "n", name: "N", text: "output maps", min: 1, max: 1024, step: 1, say: number, typed: true },
  { key: "k", name: "K", text: "size of a kernel", min: 1, max: 7, step: 2, say: (k) => `${k} × ${k}` },
  { key: "side", name: "F", text: "pixels a side", min: 1, max: 224, step: 1, typed: true,
    say: (f) => (f === 1 ? "1 pixel" : `${f} × ${f} pixels`) },
];

// Equations (2), (4) and (5) of arXiv:1704.04861; what is saved is (2) / (5).
export function costs({ m, n, k, side }) {
  const area = side * side;
  const depthwise = k * k * m * area;
  return { standard: k * k * m * n * area, depthwise, separable: depthwise + m * n * area };
}

function presetsOf(manifest) {
  const [{ title, blocks: first }] = manifest.networks;
  const blocks = first.flatMap((block, i) => {
    const { m, k } = block[0], { n, height, width } = block.at(-1);
    if (height !== width) return [];
    const name = `Block ${i + 1}: ${m} → ${n}, ${height} × ${height}`;
    return { group: `Sizes of ${title}`, name, m, n, k, side: height };
  });
  const v1 = manifest.v1.map(({ m, n, side }, i) => (
    { group: "MobileNet v1, 224 × 224", name: `MobileNet v1, separable block ${i + 1}: ${m} → ${n}, ${side} × ${side}`, m, n, k: 3, side }));
  return [...blocks, ...v1];
}

export function start(element) {
  const root = element.querySelector(".whatif");
  const manifest = JSON.parse(root.dataset.manifest);
  const presets = presetsOf(manifest);
  const select = root.querySelector("select");
  select.innerHTML = optionsHtml(presets);
  root.querySelector(".whatif-sliders").innerHTML = SIZES.map(sliderHtml).join("");
  const sliders = SIZES.map(({ key }) => root.querySelector(`input[name="${key}"]`));

  const told = root.querySelector(".whatif-typed span");
  const tell = (text, isSeen = false) => { // what is seen in the table is read out alone
    told.textContent = text;
    told.classList.toggle("visually-hidden", !isSeen);
  };
  const show = () => showCosts(root, Object.fromEntries(sliders.map((s) => [s.name, Number(s.value)])));
  const take = () => {
    tell("");
    for (const slider of sliders) slider.value = presets[select.value][slider.name];
    show();
  };
  select.addEventListener("change", () => select.value !== "" && take());
  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      select.value = "";
      tell("");
      show();
    });
    const field = root.querySelector(`[data-size="${slider.name}"]`);
    if (!field) continue;
    const follow = () => {
      if (field.value) slider.value = field.value; // which keeps it within its limits
      select.value = "";
      show();
    };
    const { name, min, max } = SIZES.find(({ key }) => key === slider.name);
    const sums = () => `Standard ${number(root.dataset.standard)}, separable ${number(root.dataset.separable)} multiplications.`;
    field.addEventListener("input", () => { // others are not typed to their end
      const isTaken = Boolean(field.validity.valid && field.value);
      if (isTaken) follow();
      tell(isTaken ? sums() : `${name} is a whole number from ${min} to ${number(max)}: below it is still ${number(slider.value)}.`, !isTaken);
    });
    field.addEventListener("change", () => {
      const typed = field.value;
      follow();
      if (Number(typed) !== Number(slider.value)) tell(`${name} is ${number(slider.value)} now. ${sums()}`, true);
      field.value = slider.value;
    });
  }
  const separable = manifest.networks.at(-1).blocks.findIndex(isSeparable);
  select.value = Math.max(separable, 0);
  take();
}

function optionsHtml(presets) {
  const groups = [...new Set(presets.map(({ group }) => group))];
  const option = ({ name }, i) => `<option value="${i}">${name}</option>`;
  return '<option value="">your own</option>' + groups.map((group) => `<optgroup label="${safe(group)}">${
    presets.map((preset, i) => (preset.group === group ? option(preset, i) : "")).join("")}</optgroup>`).join("");
}

function sliderHtml({ key, name, text, min, max, step, typed }) {
  const limits = `min="${min}" max="${max}" step="${step}"`;
  const value = typed
    ? `<input type="number" data-size="${key}" ${limits} aria-label="${name}, ${text}: ${min} to ${max}">`
    : `<output name="${key}" aria-live="off"></output>`;
  return `<div><span><b>${name}</b> ${text}</span>${value}
    <input type="range" name="${key}" ${limits} aria-label="${name}, ${text}"></div>`;
}

function showCosts(root, sizes) {
  for (const { key, say, typed } of SIZES) {
    const text = say(sizes[key]);
    if (typed) showNumber(root.querySelector(`[data-size="${key}"]`), sizes[key]);
    else root.querySelector(`output[name="${key}"]`).textContent = text;
    root.querySelector(`input[name="${key}"]`).ariaValueText = text;
  }
  const { standard, depthwise, separable } = costs(sizes);
  const { m, n, k, side } = sizes;
  Object.assign(root.dataset, { standard, depthwise, separable });
  const most = Math.max(standard, separable);
  const pixels = `${side}·${side}`, [maps, outputs] = [m, n].map(number);
  root.querySelector("tbody").innerHTML = [
    row("standard", "(2) standard", `K·K·M·N·F·F = ${k}·${k}·${maps}·${outputs}·${pixels}`, [standard], most),
    row("mobilenet", "(4) depthwise only", `K·K·M·F·F = ${k}·${k}·${maps}·${pixels}`, [depthwise], most),
    row("mobilenet", "(5) depthwise separable", `K·K·M·F·F + M·N·F·F = ${number(depthwise)} + ${number(separable - depthwise)}`,
      [depthwise, separable - depthwise], most),
  ].join("");
  root.querySelector(".whatif-ratio").innerHTML = ratioText(standard / separable, n, k);
}

// What is typed is left as it stands.
function showNumber(field, value) {
  if (field !== document.activeElement || Number(field.value) !== value) field.value = value;
}

function row(side, name, formula, pieces, most) {
  const total = pieces.reduce((sum, piece) => sum + piece, 0);
  const bars = pieces.map((piece, i) => `<i class="step${i + 1}" style="width:${(100 * piece) / most}%"></i>`).join("");
  return `<tr class="${side}"><th scope="row">${name}</th><td class="formula">${formula}</td>
    <td><b>${number(total)}</b><span class="meter" aria-hidden="true">${bars}</span></td></tr>`;
}

function ratioText(ratio, n, k) {
  const share = `(5) / (2) = 1/N + 1/K² = 1/${number(n)} + 1/${k * k} = ${(1 / n + 1 / (k * k)).toFixed(3)}`;
  if (ratio > 1) return `Separable needs <b>${ratio.toFixed(2)}×</b> fewer multiplications. <span>${share}</span>`;
  return `Separable saves nothing here: it needs ${(1 / ratio).toPrecision(4)}× as many. <span>${share}</span>`;
}
