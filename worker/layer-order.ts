import type { Edges, ReferenceGraph } from "./graph.ts";

/** A layer that is to be placed. */
export interface Placeable {
  readonly nodes: readonly number[];
  readonly size: number;
  /** Share of all images that are expected to have it. */
  readonly share: number;
}

// What more images have than this comes first, whatever else an image has.
const everybodys = 0.9;
// Earlier pulls that are expected to have had the layers so far in the same order.
const pulls = 2;

/**
 * Puts layers in the order from most to least shared, so that clients that compare from the bottom keep a long run.
 * What nearly everybody has comes first. Then what belongs together: the layer whose closure is most likely to be
 * met again, by bytes, with all the layers it needs; then the next. Layers that come in by share and name keep that
 * order where nothing else decides.
 */
export function inOrder<T extends Placeable>(layers: readonly T[], graph: ReferenceGraph): T[] {
  const needs = neededLayers(layers, graph);
  const placed = new Uint8Array(layers.length);
  // Bytes that each layer needs and that are not placed.
  const missing = needs.map((others) =>
    others.reduce((sum, other) => sum + (layers[other]?.size ?? 0), 0),
  );
  const order: T[] = [];
  const place = (index: number) => {
    const layer = layers[index];
    if (layer === undefined || placed[index] === 1) return;
    placed[index] = 1;
    order.push(layer);
    for (const above of neededBy[index] ?? []) missing[above] = (missing[above] ?? 0) - layer.size;
  };
  const neededBy: number[][] = layers.map(() => []);
  for (const [index, others] of needs.entries()) {
    for (const other of others) neededBy[other]?.push(index);
  }
  const chance = layers.map(({ share }) => 1 - Math.exp(-pulls * share));
  for (const [index, { share }] of layers.entries()) if (share >= everybodys) place(index);
  while (order.length < layers.length) {
    let [best, bestScore] = [-1, -1];
    for (let index = 0; index < layers.length; index++) {
      if (placed[index] === 1) continue;
      const score = (missing[index] ?? 0) * (chance[index] ?? 0);
      if (score > bestScore) {
        best = index;
        bestScore = score;
      }
    }
    for (const index of needs[best] ?? []) place(index);
  }
  return order;
}

// For each layer, the layers that it or something below it refers to, and itself, ascending.
function neededLayers(
  layers: readonly Placeable[],
  { references }: ReferenceGraph,
): readonly (readonly number[])[] {
  const width = Math.ceil(layers.length / 32);
  const needs = new Uint32Array((references.offsets.length - 1) * width);
  for (const [index, { nodes }] of layers.entries()) {
    for (const node of nodes) needs[node * width + (index >>> 5)] = 1 << (index & 31);
  }
  const { offsets, targets } = references;
  for (const node of bottomUp(references)) {
    for (let edge = offsets[node] ?? 0; edge < (offsets[node + 1] ?? 0); edge++) {
      const below = (targets[edge] ?? 0) * width;
      for (let word = 0; word < width; word++) {
        const at = node * width + word;
        needs[at] = (needs[at] ?? 0) | (needs[below + word] ?? 0);
      }
    }
  }
  return layers.map(({ nodes }) => {
    const needed: number[] = [];
    for (let word = 0; word < width; word++) {
      let bits = 0;
      for (const node of nodes) bits |= needs[node * width + word] ?? 0;
      for (; bits !== 0; bits &= bits - 1) needed.push(word * 32 + 31 - Math.clz32(bits & -bits));
    }
    return needed;
  });
}

// Each node after all it refers to. Store paths do not refer to each other in circles.
function bottomUp({ offsets, targets }: Edges): Int32Array {
  const nodes = offsets.length - 1;
  const next = offsets.slice(0, nodes);
  const seen = new Uint8Array(nodes);
  const stack = new Int32Array(nodes);
  const order = new Int32Array(nodes);
  let found = 0;
  for (let start = 0; start < nodes; start++) {
    if (seen[start] === 1) continue;
    seen[start] = 1;
    stack[0] = start;
    for (let depth = 1; depth > 0;) {
      const node = stack[depth - 1] ?? 0;
      const edge = next[node] ?? 0;
      if (edge === offsets[node + 1]) {
        order[found++] = node;
        depth--;
        continue;
      }
      next[node] = edge + 1;
      const target = targets[edge] ?? 0;
      if (seen[target] === 1) continue;
      seen[target] = 1;
      stack[depth++] = target;
    }
  }
  return order;
}
