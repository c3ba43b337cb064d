import type { Edges } from "./graph.ts";

/** An image that could be pulled: the nodes of its closure, ascending. */
export type SampledImage = Int32Array;

/** What images are sampled from. */
export interface SampleSource {
  readonly references: Edges;
  /** How likely each node is to be asked for, where it is not known from pulled images; any scale. */
  readonly weights: Float64Array;
  /** What was asked for in each image that was pulled; empty before there is a log. */
  readonly pulled: readonly (readonly number[])[];
}

// Before there is a log: images of 1 to 8 packages, most of them small.
const packagesWithoutLog = 8;

/**
 * Images like those that were pulled, and that nobody pulled yet. Each asks for as many packages as one of the pulled
 * ones, and each of them is either one that was asked for before, as often as it was, or a new one. How often it is a
 * new one, the log tells: the share of what was asked for once only (Good and Turing's estimate of what is unseen).
 */
export function sampleImages(
  { references, weights, pulled }: SampleSource,
  count: number,
  random: () => number,
): readonly SampledImage[] {
  const asked = new Map<number, number>();
  for (const node of pulled.flat()) asked.set(node, (asked.get(node) ?? 0) + 1);
  const always = [...asked].filter(([, times]) => times === pulled.length && times > 1);
  const others = [...asked].filter(([, times]) => times < pulled.length || times === 1);
  others.sort(([a], [b]) => a - b);
  const total = others.reduce((sum, [, times]) => sum + times, 0);
  const unseen =
    total === 0 ? 1 : others.filter(([, times]) => times === 1).length / Math.max(1, total);
  // What is left to the seen ones is taken from each alike, so that the frequent keep their lead.
  const discount = (unseen * total) / Math.max(1, others.length);
  const drawSeen = drawing(others.map(([, times]) => Math.max(0, times - discount)));
  const drawNew = drawing(weights.map((weight, node) => (asked.has(node) ? 0 : weight)));
  const closureOf = closures(references);

  return Array.from({ length: count }, () => {
    const roots = new Set(always.map(([node]) => node).sort((a, b) => a - b));
    const like = pulled[Math.floor(random() * pulled.length)];
    const wanted =
      like === undefined
        ? 1 + Math.floor(random() ** 2 * packagesWithoutLog)
        : new Set(like).size - roots.size;
    for (let drawn = 0; drawn < wanted; drawn++) {
      const node = random() < unseen ? drawNew(random()) : others[drawSeen(random())]?.[0];
      if (node !== undefined) roots.add(node);
    }
    return closureOf([...roots]);
  });
}

// From a number below 1 to an index, each as likely as its weight.
function drawing(weights: ArrayLike<number>): (at: number) => number {
  const ends = new Float64Array(weights.length);
  let total = 0;
  for (let index = 0; index < weights.length; index++) ends[index] = total += weights[index] ?? 0;
  return (at) => {
    const wanted = at * total;
    let [low, high] = [0, weights.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Reads closures off a graph, faster than with a set for each. */
export function closures({ offsets, targets }: Edges): (roots: readonly number[]) => Int32Array {
  const seenIn = new Uint32Array(offsets.length);
  const found = new Int32Array(offsets.length);
  let round = 0;
  return (roots) => {
    round++;
    let count = 0;
    for (const root of roots) {
      if (seenIn[root] === round) continue;
      seenIn[root] = round;
      found[count++] = root;
    }
    for (let index = 0; index < count; index++) {
      const node = found[index] ?? 0;
      for (let edge = offsets[node] ?? 0; edge < (offsets[node + 1] ?? 0); edge++) {
        const target = targets[edge] ?? 0;
        if (seenIn[target] === round) continue;
        seenIn[target] = round;
        found[count++] = target;
      }
    }
    return found.slice(0, count).sort();
  };
}
