import type { ReferenceGraph } from "./graph.ts";

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
  const order: T[] = [];
  const place = (index: number) => {
    const layer = layers[index];
    if (layer === undefined || placed[index] === 1) return;
    placed[index] = 1;
    order.push(layer);
  };
  for (const [index, { share }] of layers.entries()) if (share >= everybodys) place(index);
  while (order.length < layers.length) {
    let [best, bestScore] = [-1, -1];
    for (const [index, { share }] of layers.entries()) {
      if (placed[index] === 1) continue;
      const bytes = (needs[index] ?? []).reduce(
        (sum, other) => sum + (placed[other] === 1 ? 0 : (layers[other]?.size ?? 0)),
        0,
      );
      const score = bytes * (1 - Math.exp(-pulls * share));
      if (score > bestScore) [best, bestScore] = [index, score];
    }
    for (const index of needs[best] ?? []) place(index);
  }
  return order;
}

// For each layer, the layers that it or something below it refers to, and itself, ascending.
function neededLayers(
  layers: readonly Placeable[],
  { references: { offsets, targets } }: ReferenceGraph,
): readonly (readonly number[])[] {
  const nodes = offsets.length - 1;
  const layerOf = new Int32Array(nodes).fill(-1);
  for (const [index, layer] of layers.entries())
    for (const node of layer.nodes) layerOf[node] = index;
  const seenFrom = new Int32Array(nodes).fill(-1);
  const stack = new Int32Array(nodes);
  return layers.map((layer, index) => {
    const needed = new Set([index]);
    let depth = 0;
    const see = (node: number) => {
      if (seenFrom[node] === index) return;
      seenFrom[node] = index;
      stack[depth++] = node;
    };
    for (const node of layer.nodes) see(node);
    while (depth > 0) {
      const node = stack[--depth] ?? 0;
      const at = layerOf[node] ?? -1;
      if (at !== -1) needed.add(at);
      for (let edge = offsets[node] ?? 0; edge < (offsets[node + 1] ?? 0); edge++) {
        see(targets[edge] ?? 0);
      }
    }
    return [...needed].sort((a, b) => a - b);
  });
}
