// Numbers as colours on small canvases, one canvas pixel a number.

const RAMPS = {
  light: {
    standard: [[255, 255, 255], [0, 114, 178], [0, 46, 77]],
    mobilenet: [[255, 255, 255], [213, 94, 0], [84, 33, 0]],
    third: [[255, 255, 255], [0, 158, 115], [0, 62, 45]],
    fourth: [[255, 255, 255], [176, 84, 140], [70, 24, 52]],
    ink: [[255, 255, 255], [27, 31, 36]],
    signed: [[90, 25, 105], [153, 102, 171], [247, 247, 247], [100, 170, 100], [0, 88, 34]],
  },
  dark: {
    standard: [[22, 25, 30], [0, 114, 178], [170, 220, 255]],
    mobilenet: [[22, 25, 30], [213, 94, 0], [255, 214, 170]],
    third: [[22, 25, 30], [0, 158, 115], [175, 245, 220]],
    fourth: [[22, 25, 30], [190, 95, 155], [255, 205, 235]],
    ink: [[22, 25, 30], [230, 237, 243]],
    signed: [[222, 170, 240], [150, 80, 170], [40, 46, 54], [50, 140, 70], [150, 235, 165]],
  },
};

const isDark = () => document.querySelector(".dark") !== null;

function colour(anchors, share) {
  const at = Math.min(Math.max(share, 0), 1) * (anchors.length - 1);
  const low = Math.min(Math.floor(at), anchors.length - 2);
  return anchors[low].map((value, i) => value + (anchors[low + 1][i] - value) * (at - low));
}

const tables = new Map(); // 256 colours a ramp, made once

function table(ramp) {
  const scheme = isDark() ? "dark" : "light";
  const key = `${scheme} ${ramp}`;
  if (!tables.has(key)) {
    const packed = Uint32Array.from({ length: 256 }, (_, i) => {
      const [red, green, blue] = colour(RAMPS[scheme][ramp], i / 255).map(Math.round);
      return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    });
    tables.set(key, packed);
  }
  return tables.get(key);
}

export function limitOf(...planes) {
  let limit = 1e-9;
  for (const plane of planes) for (const value of plane) limit = Math.max(limit, Math.abs(value));
  return limit;
}

// `values` (row by row) on a canvas; "signed" has 0 in its middle. Only the first `count` numbers
// are drawn, the others are left empty.
export function paint(canvas, values, width, ramp, limit, count = values.length) {
  const height = values.length / width;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = table(ramp);
  const signed = ramp === "signed";
  for (let i = 0; i < Math.min(count, values.length); i++) {
    const share = signed ? 0.5 + values[i] / (2 * limit) : values[i] / limit;
    pixels[i] = colours[Math.round(255 * Math.min(Math.max(share, 0), 1))];
  }
  context.putImageData(image, 0, 0);
}
