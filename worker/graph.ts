import type { StorePath } from "../core/ports.ts";

/** The edges of a directed graph: those of node `n` are `targets[offsets[n]]` up to `targets[offsets[n + 1]]`. */
export interface Edges {
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
}

/** The paths of a closure as numbers: node `n` is `paths[n]`. */
export interface ReferenceGraph {
  /** Sorted bytewise and each once, so that nothing depends on the order in which Nix listed them. */
  readonly paths: readonly StorePath[];
  /** From a path to what it refers to; references to itself are left out. */
  readonly references: Edges;
  /** How many other paths of the closure refer to each path directly. */
  readonly referrers: Uint32Array;
  /** Throws when the path is not in the closure. */
  readonly nodeOf: (path: string) => number;
}

/** Reads a closure as a graph. Throws when a path refers to one that is missing: an image without it would be broken. */
export function referenceGraph(closure: readonly StorePath[]): ReferenceGraph {
  const sorted = closure.toSorted(byPath);
  const paths = sorted.filter(({ path }, index) => path !== sorted[index - 1]?.path);
  const nodes = new Map<string, number>();
  for (const [node, { path }] of paths.entries()) nodes.set(path, node);
  const referrers = new Uint32Array(paths.length);
  const offsets = new Uint32Array(paths.length + 1);
  const targets: number[] = [];
  // The last node that was seen to refer to each: says what is listed twice.
  const seenFrom = new Int32Array(paths.length).fill(-1);
  for (const [node, { path, references }] of paths.entries()) {
    for (const reference of references) {
      const target = nodes.get(reference);
      if (target === undefined) {
        throw new Error(`${path} refers to ${reference}, which is not in the closure`);
      }
      if (target === node || seenFrom[target] === node) continue;
      seenFrom[target] = node;
      targets.push(target);
      referrers[target] = (referrers[target] ?? 0) + 1;
    }
    offsets[node + 1] = targets.length;
  }
  function nodeOf(path: string): number {
    const node = nodes.get(path);
    if (node === undefined) throw new Error(`${path} is not in the closure`);
    return node;
  }
  return { paths, references: { offsets, targets: Uint32Array.from(targets) }, referrers, nodeOf };
}

// Nix allows ASCII alone in store paths, where the order of `<` is that of bytes, and it is several times faster.
function byPath(a: StorePath, b: StorePath): number {
  if (a.path === b.path) return 0;
  return a.path < b.path ? -1 : 1;
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
