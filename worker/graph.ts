import type { StorePath } from "../core/ports.ts";
import { indexPaths } from "./path-index.ts";

/** The edges of a directed graph: those of node `n` are `targets[offsets[n]]` up to `targets[offsets[n + 1]]`. */
export interface Edges {
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
}

/** The paths of a closure as numbers: node `n` is `paths[n]`. */
export interface ReferenceGraph {
  /** Sorted bytewise and each once, so that nothing depends on the order in which Nix listed them. */
  readonly paths: readonly string[];
  /** In bytes. */
  readonly sizes: Float64Array;
  /** From a path to what it refers to; references to itself are left out. */
  readonly references: Edges;
  /** How many other paths of the closure refer to each path directly. */
  readonly referrers: Uint32Array;
  /**
   * The nodes in the order in which Nix listed them, which is that of their paths in memory. Where a text is looked at
   * for each node, and order means nothing, this order is several times faster.
   */
  readonly listed: Int32Array;
  /** Throws when the path is not in the closure. */
  readonly nodeOf: (path: string) => number;
}

/** Reads a closure as a graph. Throws when a path refers to one that is missing: an image without it would be broken. */
export function referenceGraph(closure: readonly StorePath[]): ReferenceGraph {
  const { texts: paths, places, indexOf } = indexPaths(closure);
  const { starts, found, placeSizes } = lookedUp(closure, indexOf);
  const sizes = new Float64Array(paths.length);
  const referrers = new Uint32Array(paths.length);
  const offsets = new Uint32Array(paths.length + 1);
  const targets = new Uint32Array(found.length);
  // The last node that was seen to refer to each: says what is listed twice.
  const seenFrom = new Int32Array(paths.length).fill(-1);
  let edges = 0;
  for (let node = 0; node < paths.length; node++) {
    const place = places[node] ?? 0;
    sizes[node] = placeSizes[place] ?? 0;
    for (let index = starts[place] ?? 0; index < (starts[place + 1] ?? 0); index++) {
      const target = found[index] ?? -1;
      if (target === -1) throw missing(closure[place], indexOf);
      if (target === node || seenFrom[target] === node) continue;
      seenFrom[target] = node;
      targets[edges++] = target;
      referrers[target] = (referrers[target] ?? 0) + 1;
    }
    offsets[node + 1] = edges;
  }
  const references = { offsets, targets: targets.subarray(0, edges) };
  return { paths, sizes, references, referrers, listed: inPlace(places, closure.length), nodeOf };

  function nodeOf(path: string): number {
    const node = indexOf(path);
    if (node === -1) throw new Error(`${path} is not in the closure`);
    return node;
  }
}

function inPlace(places: Int32Array, length: number): Int32Array {
  const nodes = new Int32Array(length).fill(-1);
  for (let node = 0; node < places.length; node++) nodes[places[node] ?? 0] = node;
  return nodes.filter((node) => node !== -1);
}

// In the order in which the closure came, which is that of its strings in memory: several times faster than by node.
function lookedUp(closure: readonly StorePath[], indexOf: (path: string) => number) {
  const starts = new Uint32Array(closure.length + 1);
  const placeSizes = new Float64Array(closure.length);
  let total = 0;
  for (let place = 0; place < closure.length; place++) {
    total += closure[place]?.references.length ?? 0;
    placeSizes[place] = closure[place]?.size ?? 0;
    starts[place + 1] = total;
  }
  const found = new Int32Array(total);
  let next = 0;
  for (let place = 0; place < closure.length; place++) {
    for (const reference of closure[place]?.references ?? []) found[next++] = indexOf(reference);
  }
  return { starts, found, placeSizes };
}

function missing(from: StorePath | undefined, indexOf: (path: string) => number): Error {
  const reference = from?.references.find((each) => indexOf(each) === -1);
  return new Error(`${from?.path} refers to ${reference}, which is not in the closure`);
}

/** The same graph with one more node, the last, which has an edge to each of `targets`. */
export function withRoot({ offsets, targets }: Edges, rootTargets: readonly number[]): Edges {
  const withOffset = new Uint32Array(offsets.length + 1);
  withOffset.set(offsets);
  withOffset[offsets.length] = targets.length + rootTargets.length;
  const withTargets = new Uint32Array(targets.length + rootTargets.length);
  withTargets.set(targets);
  withTargets.set(rootTargets, targets.length);
  return { offsets: withOffset, targets: withTargets };
}
