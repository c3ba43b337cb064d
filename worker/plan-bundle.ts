/** Paths that travel together, as far as it is planned yet, and the sampled images that have any of them. */
export interface Bundle {
  readonly members: readonly number[];
  readonly size: number;
  /** Ascending. */
  readonly images: Int32Array;
  /** Which of the variants each of these images has: an image with some of the paths gets a layer of these only. */
  readonly variants: Uint16Array;
  readonly variantSizes: readonly number[];
  readonly variantCounts: readonly number[];
  /** Expected bytes of all its layers. */
  readonly cost: number;
  /** Everything that makes it change when it changes: the closure of its members, ascending. */
  readonly closure: Int32Array;
}

/** The bytes a layer is expected to cost for each byte in it, when so many of the sampled images have it. */
export type CostOfByte = Float64Array;

/** A bundle of one path, or of several that the very same images have. */
export function bundleOf(
  members: readonly number[],
  size: number,
  images: Int32Array,
  closure: Int32Array,
  costOfByte: CostOfByte,
): Bundle {
  return {
    members,
    size,
    images,
    variants: new Uint16Array(images.length),
    variantSizes: [size],
    variantCounts: [images.length],
    cost: size * (costOfByte[images.length] ?? 0),
    closure,
  };
}

/** What `a` and `b` would cost as one bundle, of which so many images have something of either. */
export function costTogether(a: Bundle, b: Bundle, both: number, costOfByte: CostOfByte): number {
  if (a.variantSizes.length > 1 || b.variantSizes.length > 1) return mergedCost(a, b, costOfByte);
  // An image has all of a bundle or nothing, as nearly all have when they are first looked at: no need to count.
  return (
    (a.size + b.size) * (costOfByte[both] ?? 0) +
    a.size * (costOfByte[a.images.length - both] ?? 0) +
    b.size * (costOfByte[b.images.length - both] ?? 0)
  );
}

// Counts of pairs of variants, all 0 between calls.
let scratch = new Int32Array(1024);

function mergedCost(a: Bundle, b: Bundle, costOfByte: CostOfByte): number {
  const width = b.variantSizes.length + 1;
  const slots = (a.variantSizes.length + 1) * width;
  // Of millions of pairs each is looked at once: one list of counts serves all, and nothing is called in the loop.
  if (scratch.length < slots) scratch = new Int32Array(2 * slots);
  const counts = scratch;
  const [left, right, inLeft, inRight] = [a.images, b.images, a.variants, b.variants];
  let [i, j] = [0, 0];
  let image = left[0] ?? Infinity;
  let other = right[0] ?? Infinity;
  while (image !== other || image !== Infinity) {
    let slot = 0;
    const hasLeft = image <= other;
    const hasRight = other <= image;
    if (hasLeft) {
      slot = ((inLeft[i++] ?? 0) + 1) * width;
      image = i < left.length ? (left[i] ?? 0) : Infinity;
    }
    if (hasRight) {
      slot += (inRight[j++] ?? 0) + 1;
      other = j < right.length ? (right[j] ?? 0) : Infinity;
    }
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
  let cost = 0;
  for (let slot = 0; slot < slots; slot++) {
    const count = counts[slot] ?? 0;
    if (count === 0) continue;
    counts[slot] = 0;
    cost += pairSize(a, b, slot, width) * (costOfByte[count] ?? 0);
  }
  return cost;
}

/** `a` and `b` as one bundle. */
export function merged(a: Bundle, b: Bundle, costOfByte: CostOfByte): Bundle {
  const width = b.variantSizes.length + 1;
  const indices = new Map<number, number>();
  const images: number[] = [];
  const variants: number[] = [];
  const variantSizes: number[] = [];
  const variantCounts: number[] = [];
  eachImage(a, b, (image, inA, inB) => {
    const slot = inA * width + inB;
    let index = indices.get(slot);
    if (index === undefined) {
      index = variantSizes.length;
      indices.set(slot, index);
      variantSizes.push(pairSize(a, b, slot, width));
      variantCounts.push(0);
    }
    images.push(image);
    variants.push(index);
    variantCounts[index] = (variantCounts[index] ?? 0) + 1;
  });
  return {
    members: [...a.members, ...b.members],
    size: a.size + b.size,
    images: Int32Array.from(images),
    variants: Uint16Array.from(variants),
    variantSizes,
    variantCounts,
    cost: variantSizes.reduce(
      (sum, size, index) => sum + size * (costOfByte[variantCounts[index] ?? 0] ?? 0),
      0,
    ),
    closure: union(a.closure, b.closure),
  };
}

// Slots count from 1 in each; 0 is an image without the bundle.
function pairSize(a: Bundle, b: Bundle, slot: number, width: number): number {
  return (
    (a.variantSizes[Math.floor(slot / width) - 1] ?? 0) + (b.variantSizes[(slot % width) - 1] ?? 0)
  );
}

function eachImage(
  a: Bundle,
  b: Bundle,
  see: (image: number, inA: number, inB: number) => void,
): void {
  let [i, j] = [0, 0];
  while (i < a.images.length || j < b.images.length) {
    const left = a.images[i] ?? Infinity;
    const right = b.images[j] ?? Infinity;
    see(
      Math.min(left, right),
      left <= right ? (a.variants[i] ?? 0) + 1 : 0,
      right <= left ? (b.variants[j] ?? 0) + 1 : 0,
    );
    if (left <= right) i++;
    if (right <= left) j++;
  }
}

/** How many are in one of two ascending lists, or in both. */
export function unionSize(a: Int32Array, b: Int32Array): number {
  let [i, j, count] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const left = a[i] ?? 0;
    const right = b[j] ?? 0;
    if (left <= right) i++;
    if (right <= left) j++;
    count++;
  }
  return count + (a.length - i) + (b.length - j);
}

/** Two ascending lists as one, each once. */
export function union(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(unionSize(a, b));
  let [i, j] = [0, 0];
  for (let index = 0; index < both.length; index++) {
    const left = a[i] ?? Infinity;
    const right = b[j] ?? Infinity;
    both[index] = Math.min(left, right);
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return both;
}
