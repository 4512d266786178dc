// The networks' arithmetic: convolutions on plain arrays. Sums are made in double precision, maps
// are kept in single precision, as the networks do.

// A layer of the manifest with views of its weights in the one buffer.
function withWeights(layer, buffer) {
  const inputs = layer.kind === "depthwise" ? 1 : layer.m;
  const size = layer.n * inputs * layer.k * layer.k;
  const kernel = new Float32Array(buffer, 4 * layer.offset, size);
  const bias = new Float32Array(buffer, 4 * (layer.offset + size), layer.n);
  return { ...layer, inputs, kernel, bias };
}

export function unpack(manifest, buffer) {
  return manifest.networks.map((network) => {
    const [channels, rows, columns] = network.input;
    let before = { n: channels, height: rows, width: columns };
    const blocks = network.blocks.map((block) => block.map((entry) => {
      const layer = { ...withWeights(entry, buffer), inHeight: before.height, inWidth: before.width };
      before = layer;
      return layer;
    }));
    return { ...network, blocks };
  });
}

// What each network saw: one channel each, "=" where it is the same as the one before.
export function decode(text) {
  const planes = [];
  for (const base64 of text.split(" ")) {
    const bytes = base64 === "=" ? null : Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    planes.push(bytes ? new Float32Array(bytes.buffer) : planes.at(-1));
  }
  return planes;
}

// The nine (or K*K) weights that lead from input map m to output map n.
export function kernelOf(layer, n, m) {
  const area = layer.k * layer.k;
  const at = (n * layer.inputs + (layer.inputs === 1 ? 0 : m)) * area;
  return layer.kernel.subarray(at, at + area);
}

// The outputs whose window has, at offset k, a pixel inside of the picture.
function inside(offset, layer, before, after) {
  const first = Math.max(0, Math.ceil((layer.padding - offset) / layer.stride));
  const last = Math.min(after - 1, Math.floor((before - 1 + layer.padding - offset) / layer.stride));
  return [first, last];
}

// plane += the products of input map m with its kernel for output map n.
export function addProducts(plane, layer, input, n, m) {
  const { k, stride, padding, inHeight, inWidth, height, width } = layer;
  const kernel = kernelOf(layer, n, m);
  const map = m * inHeight * inWidth;
  for (let ky = 0; ky < k; ky++) {
    const [top, bottom] = inside(ky, layer, inHeight, height);
    for (let kx = 0; kx < k; kx++) {
      const weight = kernel[ky * k + kx];
      const [left, right] = inside(kx, layer, inWidth, width);
      for (let y = top; y <= bottom; y++) {
        let from = map + (y * stride + ky - padding) * inWidth + left * stride + kx - padding;
        let to = y * width + left;
        for (let x = left; x <= right; x++, to++, from += stride) plane[to] += weight * input[from];
      }
    }
  }
}

// All output maps of a layer: sum, bias, ReLU.
export function convolve(layer, input) {
  const area = layer.height * layer.width;
  const output = new Float32Array(layer.n * area);
  const plane = new Float64Array(area);
  for (let n = 0; n < layer.n; n++) {
    plane.fill(layer.bias[n]);
    if (layer.kind === "depthwise") addProducts(plane, layer, input, n, n);
    else for (let m = 0; m < layer.m; m++) addProducts(plane, layer, input, n, m);
    for (let i = 0; i < area; i++) output[n * area + i] = Math.max(0, plane[i]);
  }
  return output;
}

// What goes into each layer of each block, and comes out of the block.
export function run(blocks, plane) {
  const { m } = blocks[0][0];
  let maps = new Float32Array(m * plane.length);
  for (let channel = 0; channel < m; channel++) maps.set(plane, channel * plane.length);
  return blocks.map((block) => {
    const inputs = block.map((layer) => {
      const before = maps;
      maps = convolve(layer, maps);
      return before;
    });
    return { inputs, output: maps };
  });
}

function totals(maps, count) {
  const area = maps.length / count;
  const sums = new Float64Array(count);
  for (let i = 0; i < maps.length; i++) sums[Math.floor(i / area)] += maps[i];
  return sums;
}

// The sum of each output map, its border left out: there a map sees the zeros around the picture.
export function interior(maps, { n, height, width }) {
  const sums = new Float64Array(n);
  for (let i = 0; i < maps.length; i++) {
    const x = i % width, y = Math.floor(i / width) % height;
    if (x > 0 && y > 0 && x < width - 1 && y < height - 1) sums[Math.floor(i / (height * width))] += maps[i];
  }
  return sums;
}

// The input maps that matter most, over all output maps: their ink times their weights' size.
export function strongest(layer, input, count) {
  const ink = totals(input, layer.m);
  const area = layer.k * layer.k;
  const weight = new Float64Array(layer.m);
  layer.kernel.forEach((w, i) => { weight[Math.floor(i / area) % layer.m] += Math.abs(w); });
  const order = Array.from(ink, (_, m) => m);
  order.sort((a, b) => ink[b] * weight[b] - ink[a] * weight[a] || a - b);
  return order.slice(0, count);
}

// One output map taken apart: the products of the drawn input maps, of all others together, their
// sum with the bias before ReLU, and the share of the drawn ones in all that is added, signs aside.
export function takeApart(layer, input, n, drawn) {
  const area = layer.height * layer.width;
  const products = drawn.map(() => new Float64Array(area));
  const rest = new Float64Array(area);
  const one = new Float64Array(area);
  let shown = 0, hidden = 0;
  for (let m = 0; m < layer.m; m++) {
    const place = drawn.indexOf(m);
    const plane = place < 0 ? one.fill(0) : products[place];
    addProducts(plane, layer, input, n, m);
    let size = 0;
    for (let i = 0; i < area; i++) size += Math.abs(plane[i]);
    if (place < 0) for (let i = 0; i < area; i++) rest[i] += plane[i];
    if (place < 0) hidden += size; else shown += size;
  }
  const sum = rest.map((value, i) => products.reduce((total, plane) => total + plane[i], value));
  const output = sum.map((value) => Math.max(0, value + layer.bias[n]));
  const share = shown + hidden > 0 ? shown / (shown + hidden) : 1;
  return { products, rest, sum, bias: layer.bias[n], output, share };
}
