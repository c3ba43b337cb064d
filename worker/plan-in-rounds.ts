import type { Bundle } from "./plan-bundle.ts";
import { bundle, type Bundling } from "./plan-bundling.ts";

// Merges that pay at so small a share of the price pay in nearly every image, so that they are made once for both rounds.
const sureShare = 0.03;
// What is smaller goes into the last layer of an image, so that it is no reason to save one.
const leastLayerBytes = 40_000;
// Layers of the budget that no bundle gets: those at the top.
const tops = 2;
// How fast the price of a layer rises with the share of the budget that an image uses, and up to which share.
const steepness = 4;
const mostOfBudget = 3;

/**
 * Merges bundles for images that have few layers. How scarce layers are in an image is known only when there is a
 * plan: a draft, with the given prices, shows how many layers it leaves to each. The plan is made with prices that
 * follow these numbers instead, and that are worth as much in sum. `budget` is the most layers of an image, at least 1.
 */
export function bundleInRounds(
  starting: readonly Bundle[],
  bundling: Bundling,
  budget: number,
): readonly Bundle[] {
  const { prices, previous } = bundling;
  // A plan that is there already says better what is sure, and saves as much time.
  const isFirst = previous.length === 0;
  const sure = isFirst
    ? bundle(starting, { ...bundling, prices: prices.map((price) => price * sureShare) })
    : starting;
  const draft = bundle(sure, bundling);
  return bundle(sure, { ...bundling, prices: pricesByLayers(draft, prices, budget) });
}

/** What one layer less is worth in each image, by how many layers `draft` gives it. In sum they are worth the same. */
export function pricesByLayers(
  draft: readonly Bundle[],
  prices: Float64Array,
  budget: number,
): Float64Array {
  const layers = layersIn(draft, prices.length);
  const room = Math.max(1, budget - tops);
  const scarcity = layers.map((count) => Math.min(mostOfBudget, count / room) ** steepness);
  const worth = (each: Float64Array) =>
    each.reduce((sum, price, image) => sum + price * (layers[image] ?? 0), 0);
  const ofAll = worth(scarcity);
  if (ofAll === 0) return prices;
  const price = worth(prices) / ofAll;
  return scarcity.map((each) => each * price);
}

function layersIn(bundles: readonly Bundle[], images: number): Float64Array {
  const layers = new Float64Array(images);
  for (const { images: having, variants, variantSizes } of bundles) {
    for (const [at, image] of having.entries()) {
      const size = variantSizes[variants[at] ?? 0] ?? 0;
      if (size >= leastLayerBytes) layers[image] = (layers[image] ?? 0) + 1;
    }
  }
  return layers;
}
