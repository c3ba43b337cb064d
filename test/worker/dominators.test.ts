import { expect, test } from "vitest";
import { dominatorsOf, unreachable } from "../../worker/dominators.ts";
import type { Edges } from "../../worker/graph.ts";
import { randomFrom } from "../support/store-tree.ts";

test("a node that two ways lead to hangs under the last node that both pass", () => {
  const edges = edgesOf([[1], [2, 3], [4], [4], [5], []]);
  expect([...dominatorsOf(edges, 0).immediate]).toEqual([0, 0, 1, 1, 1, 4]);
});

test("a node that nothing leads to has no dominator", () => {
  const { immediate, order } = dominatorsOf(edgesOf([[1], [], [1]]), 0);
  expect([...immediate]).toEqual([0, 0, unreachable]);
  expect([...order]).toEqual([0, 1]);
});

test("nodes in a circle are given dominators too", () => {
  const edges = edgesOf([[1, 2], [2], [3], [1, 4], []]);
  expect([...dominatorsOf(edges, 0).immediate]).toEqual([0, 0, 0, 2, 3]);
});

test("a chain of 100,000 nodes does not end the call stack", () => {
  const count = 100_000;
  const chain = Array.from({ length: count }, (_, node) => (node + 1 < count ? [node + 1] : []));
  expect(dominatorsOf(edgesOf(chain), 0).immediate[count - 1]).toBe(count - 2);
});

test.each([11, 12, 13, 14])("random graphs of seed %i agree with the definition", (seed) => {
  const random = randomFrom(seed);
  for (let round = 0; round < 60; round++) {
    const count = 2 + Math.floor(random() * 14);
    const targetsOf = Array.from({ length: count }, () =>
      Array.from({ length: Math.floor(random() * 3) }, () => Math.floor(random() * count)),
    );
    const { immediate, order } = dominatorsOf(edgesOf(targetsOf), 0);
    expect({ targetsOf, found: [...immediate] }).toEqual({
      targetsOf,
      found: byDefinition(targetsOf),
    });
    const rank = new Map([...order].map((node, index) => [node, index]));
    for (const node of order.subarray(1)) {
      expect(rank.get(immediate[node] ?? 0)).toBeLessThan(rank.get(node) ?? 0);
    }
  }
});

function edgesOf(targetsOf: readonly (readonly number[])[]): Edges {
  let end = 0;
  const offsets = Uint32Array.from([0, ...targetsOf.map(({ length }) => (end += length))]);
  return { offsets, targets: Uint32Array.from(targetsOf.flat()) };
}

// A node dominates another if that one cannot be reached without it; the immediate one is dominated by all others.
function byDefinition(targetsOf: readonly (readonly number[])[]): number[] {
  const all = reachable(targetsOf, undefined);
  return targetsOf.map((_, node) => {
    if (!all.has(node)) return unreachable;
    if (node === 0) return 0;
    const dominators = [...all].filter((d) => d !== node && !reachable(targetsOf, d).has(node));
    return (
      dominators.find((d) => dominators.every((e) => e === d || !reachable(targetsOf, e).has(d))) ??
      -2
    );
  });
}

function reachable(targetsOf: readonly (readonly number[])[], without: number | undefined) {
  const seen = new Set(without === 0 ? [] : [0]);
  for (const node of seen) {
    for (const target of targetsOf[node] ?? []) if (target !== without) seen.add(target);
  }
  return seen;
}
