// What a block costs and the story of how the cost comes about: pure functions.
//
// A moment is {filtered, made, mixed}: how far step 1 of a separable block is (0 to 1), and how
// many output maps a standard block has made, and step 2 of a separable one mixed (0 to N).

export const number = (value) => Math.round(value).toLocaleString("en-US");
export const isSeparable = (block) => block[0].kind === "depthwise";

export function cost(block) {
  const last = block.at(-1);
  const step1 = isSeparable(block) ? block[0].macs : 0;
  return { step1, map: last.macs / last.n, maps: last.n, total: step1 + last.macs };
}

export function counted(block, moment) {
  const { step1, map, maps } = cost(block);
  if (!isSeparable(block)) return map * Math.min(moment.made, maps);
  return step1 * moment.filtered + map * Math.min(moment.mixed, maps);
}

export const finished = (blocks) => {
  const maps = Math.max(...blocks.map((block) => block.at(-1).n));
  return { filtered: 1, made: maps, mixed: maps };
};

// The formula holds where the dearer side is standard, the other separable, and all else is the same.
export function comparison(one, other) {
  const [a, b] = [one.at(-1), other.at(-1)];
  const ratio = cost(one).total / cost(other).total;
  const [dear, cheap] = ratio > 1 ? [one, other] : [other, one];
  const k = one[0].k;
  const alike = !isSeparable(dear) && isSeparable(cheap) && a.m === b.m && a.n === b.n
    && a.height === b.height && a.width === b.width && k === other[0].k;
  return { ratio, formula: alike ? { n: a.n, k } : null };
}

const SECONDS = { filter: 5, mix: 4, maps: 8 }; // what is told of each takes time to read

const mixing = (blocks) => (blocks.some(isSeparable) ? SECONDS.mix : 0);
export const duration = (blocks) => SECONDS.filter + mixing(blocks) + SECONDS.maps;

// The moment at `seconds` after Play: the first map slowly, then one after the other, faster.
export function momentAt(seconds, blocks) {
  const last = finished(blocks);
  const { filter, maps } = SECONDS, mix = mixing(blocks);
  if (seconds < filter) return { filtered: seconds / filter, made: seconds / filter, mixed: 0 };
  const rest = seconds - filter;
  if (rest < mix) return { filtered: 1, made: 1, mixed: rest / mix };
  const share = Math.min((rest - mix) / maps, 1) ** 2.4;
  return { filtered: 1, made: 1 + (last.made - 1) * share, mixed: 1 + (last.mixed - 1) * share };
}

// The steps: at which moment each is, what is said, and whether that is of the whole.
export function steps(sides) {
  const blocks = sides.map((side) => side.block);
  const list = [
    { moment: { filtered: 1, made: 1, mixed: 0 }, say: sides.map(sayFilter) },
    { moment: { filtered: 1, made: 1, mixed: 1 }, say: sides.map((side) => sayMix(side, sides)) },
    { moment: { filtered: 1, made: 2, mixed: 2 }, say: sides.map(sayNext) },
    { moment: finished(blocks), say: [sayAll(sides)], whole: true },
    { moment: finished(blocks), say: [sayRatio(sides)], whole: true, result: true },
  ];
  return list.map((step) => ({ ...step, say: step.say.filter(Boolean).join(" ") }))
    .filter((step) => step.say);
}

function sayFilter({ title, block }, i, sides) {
  const { step1, map } = cost(block);
  const { m, k } = block[0];
  if (isSeparable(block)) {
    const same = sides.slice(0, i).some((side) => !isSeparable(side.block) && cost(side.block).map === step1);
    return `${title} filters ${m === 1 ? "the one" : "each"} input map with one ${k}×${k} kernel: `
      + `${same ? "as many" : `${number(step1)} multiplications`}. Nothing is mixed yet.`;
  }
  return `${title} makes one output map: a ${k}×${k} kernel for ${each(m, "input map")}: `
    + `${number(map)} multiplications.`;
}

function sayMix({ title, block }, sides) {
  if (!isSeparable(block)) return "";
  const { map } = cost(block);
  const { m } = block[1];
  return `${title} mixes one output map: ${many(m, "weight")}, one for ${each(m, "filtered map")}: `
    + `${number(map)} multiplications. ${sayPays(block, sides) || withoutMixing(m)}`;
}

// That filtering first costs more than another side's first output map, and from when on it pays.
function sayPays(block, sides) {
  const { step1, map, maps } = cost(block);
  const other = sides.find((side) => !isSeparable(side.block));
  const more = other && cost(other.block).map - map;
  const from = Math.floor(step1 / more) + 1;
  if (!(more > 0 && from > 1 && from <= maps)) return "";
  return `With filtering ${number(step1 + map)}, more than ${other.title}: it pays from ${from} output maps on.`;
}

// Why the pointwise step is needed.
export const withoutMixing = (m) => `Without this step there would be only ${many(m, "output map")}${
  m === 1 ? "" : ", and each would know only one input map"}.`;

function sayNext({ title, block }) {
  const { map, maps } = cost(block);
  const { m } = block[0];
  if (maps < 2) return "";
  if (isSeparable(block)) {
    return `${title} keeps its filtered ${m === 1 ? "map" : "maps"} and takes ${many(block[1].m, "other weight")}: `
      + `${number(map)} more.`;
  }
  return `The next output map: ${title} swaps ${all(m, "kernel")}: ${number(map)} more.`;
}

// What another output map changes; `map` is its index, which a network with fewer maps does not have.
export function saySwap(sides, map) {
  const parts = sides.map(({ title, block }) => {
    const { m, k } = block[0], { n } = block.at(-1);
    if (map >= n) return `${title} has only ${many(n, "output map")}.`;
    if (isSeparable(block)) return `${title}: the ${m === 1 ? "filtered map stays" : `${number(m)} filtered maps stay`}, ${many(m, "weight")} swapped.`;
    return `${title}: ${all(m, "kernel")} swapped, ${many(m * k * k, "weight")}.`;
  });
  return parts.join(" ");
}

function sayAll(sides) {
  const parts = sides.map(({ title, block }) => `${title} ${sum(block)}`);
  const counts = [...new Set(sides.map(({ block }) => number(cost(block).maps)))];
  const maps = counts.join() === "1" ? "The one output map" : `All ${counts.join(" or ")} output maps`;
  return `${maps}: ${parts.join("; ")} multiplications.`;
}

// A block's weights, which is as many as it multiplies for one pixel of all its output maps.
export function weights(block) {
  const { n, m } = block.at(-1), area = block[0].k ** 2;
  if (!isSeparable(block)) return number(m * n * area);
  return `${number(m * area)} + ${number(m * n)} = ${number(m * area + m * n)}`;
}

export function sum(block) {
  const { step1, total } = cost(block);
  if (!step1) return number(total);
  return `${number(step1)} + ${number(total - step1)} = ${number(total)}`;
}

function sayRatio(sides) {
  const [one, ...others] = sides;
  return others.map((other) => sayPair(one, other)).join(" ");
}

function sayPair(one, other) {
  const { ratio, formula } = comparison(one.block, other.block);
  if (ratio === 1) return `${one.title} and ${other.title} need the same number of multiplications here.`;
  const less = ratio > 1
    ? `${other.title} needs ${ratio.toFixed(2)}× fewer multiplications than ${one.title}.`
    : `${one.title} needs ${(1 / ratio).toFixed(2)}× fewer multiplications than ${other.title}.`;
  if (!formula) return less;
  const { n, k } = formula;
  return `${less} Its share is 1/${n} + 1/${k * k}: filtering is done once for all ${n} output maps, `
    + `and mixing has one weight where a kernel has ${k * k}.`;
}

// A name of a stranger's, as text between tags and in attributes.
export const safe = (text) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
export const each = (count, noun) => (count === 1 ? `the one ${noun}` : `each of the ${many(count, noun)}`);
export const all = (count, noun) => (count === 1 ? `the one ${noun}` : `all ${many(count, noun)}`);
export const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
