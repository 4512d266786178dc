// Runs both networks on a digit, away from the page, which goes on drawing meanwhile.
import { interior, run, unpack } from "./layers.js";

let networks = null;

// An output map to begin with: one that is not empty on either side.
function liveliest(results, block) {
  const strengths = results.flatMap((result, i) => {
    if (block >= result.length) return [];
    const sums = interior(result[block].output, networks[i].blocks[block].at(-1));
    const most = Math.max(...sums, 1e-12);
    return [Array.from(sums, (sum) => sum / most)];
  });
  const count = Math.min(...strengths.map((values) => values.length));
  const least = Array.from({ length: count }, (_, n) => Math.min(...strengths.map((v) => v[n])));
  return least.indexOf(Math.max(...least));
}

onmessage = ({ data }) => {
  if (data.manifest) networks = unpack(data.manifest, data.weights);
  if (!data.digit) return;
  const results = networks.map((network, i) => run(network.blocks, data.digit[i]));
  const depth = Math.max(...results.map((result) => result.length));
  const lively = Array.from({ length: depth }, (_, block) => liveliest(results, block));
  postMessage({ inputs: results.map((result) => result.map((block) => block.inputs)), lively });
};
