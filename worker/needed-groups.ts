import type { Edges } from "./graph.ts";

/** For each node of a graph which of some groups it needs, in bits: `width` words a node, group `g` is bit `g % 32` of word `g / 32`. */
export interface NeededGroups {
  readonly bits: Uint32Array;
  readonly width: number;
}

/** Finds for each node in which groups it is, or anything that it or something below it refers to. */
export function neededGroups(
  references: Edges,
  groups: readonly (readonly number[])[],
): NeededGroups {
  const { offsets, targets } = references;
  const width = Math.ceil(groups.length / 32);
  const bits = new Uint32Array((offsets.length - 1) * width);
  for (const [group, nodes] of groups.entries()) {
    for (const node of nodes) {
      const at = node * width + (group >>> 5);
      bits[at] = (bits[at] ?? 0) | (1 << (group & 31));
    }
  }
  for (const node of bottomUp(references)) {
    for (let edge = offsets[node] ?? 0; edge < (offsets[node + 1] ?? 0); edge++) {
      const below = (targets[edge] ?? 0) * width;
      for (let word = 0; word < width; word++) {
        const at = node * width + word;
        bits[at] = (bits[at] ?? 0) | (bits[below + word] ?? 0);
      }
    }
  }
  return { bits, width };
}

const orders = new WeakMap<Edges, Int32Array>();

// Each node after all it refers to; looked for once a graph. Store paths do not refer to each other in circles.
function bottomUp(references: Edges): Int32Array {
  const known = orders.get(references);
  if (known !== undefined) return known;
  const { offsets, targets } = references;
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
  orders.set(references, order);
  return order;
}
