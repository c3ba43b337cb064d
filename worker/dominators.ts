import type { Edges } from "./graph.ts";

/** What a node's immediate dominator is when no way leads from the root to it. */
export const unreachable = -1;

export interface Dominators {
  /** The immediate dominator of each node: the last node that every way from the root to it passes. The root's is itself. */
  readonly immediate: Int32Array;
  /** The nodes that can be reached, the root first, each after its immediate dominator. */
  readonly order: Int32Array;
}

/**
 * The dominator tree of a graph from one root, after Cooper, Harvey and Kennedy, "A Simple, Fast
 * Dominance Algorithm" (2001): nodes are numbered so that most are numbered after all that lead to
 * them, and each is given the nearest common ancestor of those. Store paths do not refer to each
 * other in circles, so one pass would do; the loop is there so that a circle is no wrong answer.
 */
export function dominatorsOf(edges: Edges, root: number): Dominators {
  const order = reversePostorder(edges, root);
  const nodeCount = edges.offsets.length - 1;
  const rankOf = new Int32Array(nodeCount).fill(unreachable);
  for (const [rank, node] of order.entries()) rankOf[node] = rank;
  const above = dominatorRanks(predecessorRanks(edges, order, rankOf));

  const immediate = new Int32Array(nodeCount).fill(unreachable);
  for (const [rank, node] of order.entries()) {
    immediate[node] = order[above[rank] ?? 0] ?? root;
  }
  return { immediate, order };
}

// Works on ranks in reverse postorder: a dominator's rank is lower than that of what it dominates.
function dominatorRanks({ offsets, targets }: Edges): Int32Array {
  const above = new Int32Array(offsets.length - 1).fill(unreachable);
  above[0] = 0;
  for (let changed = true; changed;) {
    changed = false;
    for (let rank = 1; rank < above.length; rank++) {
      const found = nearestCommon(above, targets, offsets[rank] ?? 0, offsets[rank + 1] ?? 0);
      if (above[rank] === found) continue;
      above[rank] = found;
      changed = true;
    }
  }
  return above;
}

// Predecessors without a dominator yet are those of a circle, seen again in the next pass.
function nearestCommon(above: Int32Array, ranks: Uint32Array, from: number, to: number): number {
  let common = unreachable;
  for (let index = from; index < to; index++) {
    let other = ranks[index] ?? 0;
    if (above[other] === unreachable) continue;
    if (common === unreachable) common = other;
    while (common !== other) {
      if (common > other) common = above[common] ?? 0;
      else other = above[other] ?? 0;
    }
  }
  return common;
}

// The edges turned round, between ranks; only from nodes that can be reached.
function predecessorRanks({ offsets, targets }: Edges, order: Int32Array, rankOf: Int32Array) {
  const ends = new Uint32Array(order.length + 1);
  for (const node of order) {
    for (let index = offsets[node] ?? 0; index < (offsets[node + 1] ?? 0); index++) {
      const rank = rankOf[targets[index] ?? 0] ?? 0;
      ends[rank + 1] = (ends[rank + 1] ?? 0) + 1;
    }
  }
  for (let rank = 0; rank < order.length; rank++) {
    ends[rank + 1] = (ends[rank + 1] ?? 0) + (ends[rank] ?? 0);
  }
  const free = ends.slice();
  const predecessors = new Uint32Array(ends[order.length] ?? 0);
  for (const [rank, node] of order.entries()) {
    for (let index = offsets[node] ?? 0; index < (offsets[node + 1] ?? 0); index++) {
      const successor = rankOf[targets[index] ?? 0] ?? 0;
      const slot = free[successor] ?? 0;
      predecessors[slot] = rank;
      free[successor] = slot + 1;
    }
  }
  return { offsets: ends, targets: predecessors };
}

// Depth first with a stack of our own: a chain of 60,000 references would end the call stack.
function reversePostorder({ offsets, targets }: Edges, root: number): Int32Array {
  const nodeCount = offsets.length - 1;
  const next = offsets.slice(0, nodeCount);
  const seen = new Uint8Array(nodeCount);
  const stack = new Int32Array(nodeCount);
  const order = new Int32Array(nodeCount);
  let free = nodeCount;
  let depth = 1;
  stack[0] = root;
  seen[root] = 1;
  while (depth > 0) {
    const node = stack[depth - 1] ?? root;
    const index = next[node] ?? 0;
    if (index === offsets[node + 1]) {
      order[--free] = node;
      depth--;
      continue;
    }
    next[node] = index + 1;
    const target = targets[index] ?? 0;
    if (seen[target] === 1) continue;
    seen[target] = 1;
    stack[depth++] = target;
  }
  return order.subarray(free);
}
