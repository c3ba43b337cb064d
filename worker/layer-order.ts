import type { ReferenceGraph } from "./graph.ts";
import { neededGroups } from "./needed-groups.ts";

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
  const { bits: needs, width } = neededGroups(
    references,
    layers.map(({ nodes }) => nodes),
  );
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
