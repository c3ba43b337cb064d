import TinyQueue from "tinyqueue";
import { type Bundle, type CostOfByte, costTogether, merged, unionSize } from "./plan-bundle.ts";

export interface Bundling {
  readonly costOfByte: CostOfByte;
  /** What one layer less is worth in each sampled image, in expected bytes. */
  readonly prices: Float64Array;
  /** What a package brings along changes it: the share of a bundle's bytes that each path more in its closure costs. */
  readonly changeRate: number;
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
// What was together stays until it costs twice what it is worth; what was apart stays apart until it pays twice over.
const lossToSplit = 2;
const lossToJoin = 0.5;

/** Merges bundles greedily, best first, for as long as a merge saves more than it costs. */
export function bundle(starting: readonly Bundle[], bundling: Bundling): readonly Bundle[] {
  const { costOfByte, prices, changeRate, previous } = bundling;
  const bundles: (Bundle | undefined)[] = [...starting];
  const versions = new Int32Array(starting.length);
  const known = new Uint8Array(starting.length);
  const met = new Int32Array(starting.length);
  const queue = new TinyQueue<Candidate>([], (x, y) => x.score - y.score || x.a - y.a || x.b - y.b);
  const worth = new Float64Array(starting.length);
  const overlaps = new Int32Array(starting.length);
  const everything = new Int32Array(prices.length);

  for (const together of previous) joinAgain(together);
  const lengths = new Int32Array(prices.length);
  const inImage = placed(bundles, lengths);
  // Ascending in each image, so that each pair is met once: a bundle is paired with what comes after it.
  const after = new Int32Array(prices.length);
  for (const [index, each] of bundles.entries()) {
    if (each === undefined) continue;
    for (const image of each.images) after[image] = (after[image] ?? 0) + 1;
    consider(index, each, after);
  }
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { a, b, versions: seen } = next;
    if ((versions[a] ?? 0) + (versions[b] ?? 0) !== seen) continue;
    const [left, right] = [bundles[a], bundles[b]];
    if (left === undefined || right === undefined) continue;
    const joined = join(a, left, b, right);
    for (const image of right.images) replace(inImage[image], lengths, image, b, a);
    consider(a, joined, everything);
  }
  return bundles.filter((each) => each !== undefined);

  function joinAgain(together: readonly number[]): void {
    for (const index of together) known[index] = 1;
    const [first, ...others] = together;
    if (first === undefined) return;
    for (const other of others) {
      const [left, right] = [bundles[first], bundles[other]];
      if (left === undefined || right === undefined) continue;
      if (joinAgainPays(left, right)) join(first, left, other, right);
    }
  }

  function join(a: number, left: Bundle, b: number, right: Bundle): Bundle {
    const joined = merged(left, right, costOfByte);
    bundles[a] = joined;
    bundles[b] = undefined;
    versions[a] = (versions[a] ?? 0) + 1;
    if (known[b] === 1) known[a] = 1;
    return joined;
  }

  // All that meet this bundle in an image, from the place there that `from` says, are counted in one go.
  function consider(index: number, each: Bundle, from: Int32Array): void {
    let count = 0;
    for (const image of each.images) {
      const price = prices[image] ?? 0;
      const here = inImage[image] ?? none;
      const length = lengths[image] ?? 0;
      for (let at = from[image] ?? 0; at < length; at++) {
        const other = here[at] ?? 0;
        const seen = overlaps[other] ?? 0;
        if (seen === 0) met[count++] = other;
        overlaps[other] = seen + 1;
        worth[other] = (worth[other] ?? 0) + price;
      }
    }
    for (let at = 0; at < count; at++) {
      const other = met[at] ?? 0;
      const both = overlaps[other] ?? 0;
      const gain = worth[other] ?? 0;
      overlaps[other] = 0;
      worth[other] = 0;
      if (other === index) continue;
      const beside = bundles[other];
      if (beside === undefined) continue;
      if (both < leastOverlap * (each.images.length + beside.images.length - both)) continue;
      const [a, b] = index < other ? [index, other] : [other, index];
      const most = (known[a] === 1 && known[b] === 1 ? lossToJoin : 1) * gain;
      const lost = loss(each, beside, both, most);
      if (lost >= most) continue;
      const score = lost / gain;
      queue.push({ a, b, versions: (versions[a] ?? 0) + (versions[b] ?? 0), score });
    }
  }

  function joinAgainPays(left: Bundle, right: Bundle): boolean {
    const inLeft = new Set(left.images);
    let [both, gain] = [0, 0];
    for (const image of right.images) {
      if (!inLeft.has(image)) continue;
      both++;
      gain += prices[image] ?? 0;
    }
    const most = lossToSplit * gain;
    return loss(left, right, both, most) < most;
  }

  // Expected bytes; of `most` or more nobody wants to know how much it is.
  function loss(a: Bundle, b: Bundle, both: number, most: number): number {
    const bytes = costTogether(a, b, both, costOfByte) - a.cost - b.cost;
    if (bytes >= most) return bytes;
    const changing = unionSize(a.closure, b.closure);
    return (
      bytes +
      changeRate * (a.cost * (changing - a.closure.length) + b.cost * (changing - b.closure.length))
    );
  }
}

const none = new Int32Array(0);

// The bundles in each image, ascending, and how many they are, in `lengths`, which holds zeros. As they are merged, fewer
// of these places are used, in no particular order.
function placed(
  bundles: readonly (Bundle | undefined)[],
  lengths: Int32Array,
): readonly Int32Array[] {
  for (const each of bundles) {
    for (const image of each?.images ?? []) lengths[image] = (lengths[image] ?? 0) + 1;
  }
  const inImage = Array.from(lengths, (length) => new Int32Array(length));
  lengths.fill(0);
  for (const [index, each] of bundles.entries()) {
    for (const image of each?.images ?? []) {
      const at = lengths[image] ?? 0;
      lengths[image] = at + 1;
      (inImage[image] ?? none)[at] = index;
    }
  }
  return inImage;
}

// Puts `into` where `from` was, or only takes that out if `into` is there.
function replace(
  here: Int32Array = none,
  lengths: Int32Array,
  image: number,
  from: number,
  into: number,
): void {
  const length = lengths[image] ?? 0;
  let [place, isThere] = [-1, false];
  for (let at = 0; at < length; at++) {
    if (here[at] === from) place = at;
    else if (here[at] === into) isThere = true;
  }
  if (place === -1) return;
  if (!isThere) {
    here[place] = into;
    return;
  }
  here[place] = here[length - 1] ?? 0;
  lengths[image] = length - 1;
}
