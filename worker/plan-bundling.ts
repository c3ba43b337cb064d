import TinyQueue from "tinyqueue";
import { type Bundle, type CostOfByte, merged, mergedCost, unionSize } from "./plan-bundle.ts";

export interface Bundling {
  readonly costOfByte: CostOfByte;
  /** What one layer less is worth in each sampled image, in expected bytes. */
  readonly prices: Float64Array;
  /** Bundles that travelled together in the previous plan: their indices, in lists. */
  readonly previous: readonly (readonly number[])[];
}

interface Candidate {
  readonly a: number;
  readonly b: number;
  readonly versions: number;
  /** Expected bytes lost for each byte that the saved layers are worth; below 1 it pays. */
  readonly score: number;
}

// Pairs whose audiences share less are not looked at: merging them never paid.
const leastOverlap = 0.2;
// What a package brings along changes it; the share of a bundle's bytes that each path more in its closure costs.
const changeRate = 0.0005;
// What was together stays until it costs twice what it is worth; what was apart stays apart until it pays twice over.
const lossToSplit = 2;
const lossToJoin = 0.5;

/** Merges bundles greedily, best first, for as long as a merge saves more than it costs. */
export function bundle(starting: readonly Bundle[], bundling: Bundling): readonly Bundle[] {
  const { costOfByte, prices, previous } = bundling;
  const bundles: (Bundle | undefined)[] = [...starting];
  const versions = new Int32Array(starting.length);
  const known = new Uint8Array(starting.length);
  const inImage = placed(starting, prices.length);
  const queue = new TinyQueue<Candidate>([], (x, y) => x.score - y.score || x.a - y.a || x.b - y.b);
  const worth = new Float64Array(starting.length);
  const overlaps = new Int32Array(starting.length);

  for (const together of previous) joinAgain(together);
  for (const [index, each] of bundles.entries()) {
    if (each !== undefined) consider(index, each, (other) => other > index);
  }
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { a, b, versions: seen } = next;
    if ((versions[a] ?? 0) + (versions[b] ?? 0) !== seen) continue;
    const [left, right] = [bundles[a], bundles[b]];
    if (left === undefined || right === undefined) continue;
    const joined = join(a, left, b, right);
    consider(a, joined, () => true);
  }
  return bundles.filter((each) => each !== undefined);

  function joinAgain(together: readonly number[]): void {
    for (const index of together) known[index] = 1;
    const [first, ...others] = together;
    if (first === undefined) return;
    for (const other of others) {
      const [left, right] = [bundles[first], bundles[other]];
      if (left === undefined || right === undefined) continue;
      if (loss(left, right) < lossToSplit * worthOf(left, right)) join(first, left, other, right);
    }
  }

  function join(a: number, left: Bundle, b: number, right: Bundle): Bundle {
    const joined = merged(left, right, costOfByte);
    bundles[a] = joined;
    bundles[b] = undefined;
    versions[a] = (versions[a] ?? 0) + 1;
    if (known[b] === 1) known[a] = 1;
    for (const image of right.images) {
      const here = inImage[image];
      here?.delete(b);
      here?.add(a);
    }
    return joined;
  }

  // All that meet this bundle in an image are counted in one go.
  function consider(index: number, each: Bundle, wanted: (other: number) => boolean): void {
    const met: number[] = [];
    for (const image of each.images) {
      const price = prices[image] ?? 0;
      for (const other of inImage[image] ?? []) {
        if (other === index || !wanted(other)) continue;
        if (overlaps[other] === 0) met.push(other);
        overlaps[other] = (overlaps[other] ?? 0) + 1;
        worth[other] = (worth[other] ?? 0) + price;
      }
    }
    for (const other of met) {
      const both = overlaps[other] ?? 0;
      const gain = worth[other] ?? 0;
      overlaps[other] = 0;
      worth[other] = 0;
      const beside = bundles[other];
      if (beside === undefined) continue;
      if (both < leastOverlap * (each.images.length + beside.images.length - both)) continue;
      const [a, b] = index < other ? [index, other] : [other, index];
      const score = loss(each, beside) / gain;
      const apart = known[a] === 1 && known[b] === 1;
      if (score >= (apart ? lossToJoin : 1)) continue;
      queue.push({ a, b, versions: (versions[a] ?? 0) + (versions[b] ?? 0), score });
    }
  }

  function worthOf(a: Bundle, b: Bundle): number {
    const inA = new Set(a.images);
    let sum = 0;
    for (const image of b.images) if (inA.has(image)) sum += prices[image] ?? 0;
    return sum;
  }

  function loss(a: Bundle, b: Bundle): number {
    const bytes = mergedCost(a, b, costOfByte) - a.cost - b.cost;
    const changing = unionSize(a.closure, b.closure);
    return (
      bytes +
      changeRate * (a.cost * (changing - a.closure.length) + b.cost * (changing - b.closure.length))
    );
  }
}

function placed(bundles: readonly Bundle[], images: number): readonly Set<number>[] {
  const inImage = Array.from({ length: images }, () => new Set<number>());
  for (const [index, { images: having }] of bundles.entries()) {
    for (const image of having) inImage[image]?.add(index);
  }
  return inImage;
}
