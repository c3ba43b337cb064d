import { expect, test } from "vitest";
import type { StorePath } from "../../core/ports.ts";
import { referenceGraph, type ReferenceGraph } from "../../worker/graph.ts";
import { closures } from "../../worker/plan-sample.ts";
import { storePathName } from "../../worker/popularity.ts";
import { splitByChange } from "../../worker/split-by-change.ts";
import { randomFrom } from "../../worker/random.ts";
import { shuffled } from "../support/shuffled.ts";
import { stored } from "../support/store-tree.ts";

test("what needs the same packages is together, and what needs fewer comes first", () => {
  const [left, right] = [stack("left", 3), stack("right", 6)];
  expect(split([...right, ...left], /^left|^right/, 2)).toEqual([namesOf(left), namesOf(right)]);
});

test("only what is asked for is divided, by all that it needs in the image", () => {
  const [left, right] = [stack("left", 3), stack("right", 6)];
  const tools = [...users("ltool", left), ...users("rtool", right)];
  expect(split([...left, ...right, ...tools], /tool/, 2)).toEqual([
    ["ltool0-1", "ltool1-1", "ltool2-1"],
    ["rtool0-1", "rtool1-1", "rtool2-1"],
  ]);
});

test("a large path that hardly changes is kept from what often does", () => {
  const base = stack("base", 8);
  const [calm, busy] = [ofSize(4e6, "calm"), users("busy", base).map(sized(4e6))];
  expect(split([...base, calm, ...busy], /calm|busy/, 2)).toEqual([
    ["calm-1"],
    ["busy0-1", "busy1-1", "busy2-1"],
  ]);
});

test("large paths that need nothing change one by one, and are apart as far as there is room", () => {
  const large = Array.from({ length: 4 }, (_, i) => ofSize(4e6, `large${i}`));
  const crumbs = Array.from({ length: 9 }, (_, i) => ofSize(10, `crumb${i}`));
  const lists = split([...large, ...crumbs], /./, 3);
  expect(lists.map(({ length }) => length)).toEqual([2, 2, 9]);
});

test("hardly a byte more is reached than if any two paths could be joined at each step", () => {
  const excess = Array.from({ length: 9 }, (_, i) => {
    const graph = referenceGraph(someGraph(40 + i));
    const nodes = [...graph.paths.keys()];
    return (
      reached(splitByChange(nodes, graph, 3), graph) / reached(joinedOneByOne(graph, 3), graph)
    );
  });
  expect(Math.max(...excess)).toBeLessThan(1.15);
  expect(excess.reduce((sum, each) => sum + each, 0) / excess.length).toBeLessThan(1.05);
});

test("there are no more lists than asked for, no empty ones, and each path is in one", () => {
  const paths = someGraph(300);
  for (const count of [1, 2, 3, 7]) {
    const lists = split(paths, /./, count);
    expect(lists).toHaveLength(count);
    expect(lists.flat().sort()).toEqual(namesOf(paths));
  }
  expect(split(stack("left", 1), /./, 3)).toEqual([["left0-1"]]);
  expect(split(stack("left", 3), /none/, 2)).toEqual([]);
});

test("the same paths in another order are divided in the same way", () => {
  const paths = someGraph(400);
  const expected = split(paths, /[02468]-1$/, 3);
  for (let seed = 1; seed <= 20; seed++) {
    expect(split(shuffled(paths, randomFrom(seed)), /[02468]-1$/, 3)).toEqual(expected);
  }
  const graph = referenceGraph(paths);
  const nodes = [...graph.paths.keys()];
  const lists = (order: readonly number[]) =>
    splitByChange(order, graph, 3).map((list) => list.toSorted((a, b) => a - b));
  expect(lists(shuffled(nodes, randomFrom(1)))).toEqual(lists(nodes));
});

test.for([
  ["of paths of all sizes", someGraph(400)],
  ["of paths of one size", someGraph(400).map(sized(1e5))],
  ["with two versions of each package", someGraph(20, 2).map(sized(1e5))],
] as const)("a rebuild %s moves nothing", ([, paths]) => {
  const before = split(paths, /./, 3);
  for (let seed = 1; seed <= 60; seed++) {
    expect(split(rebuilt(paths, randomFrom(seed)), /./, 3)).toEqual(before);
  }
});

test("packages that become a little larger or smaller move nothing as a rule, all at once", () => {
  const paths = someGraph(400);
  const before = split(paths, /./, 3);
  const isSame = (lists: readonly string[][]) => JSON.stringify(lists) === JSON.stringify(before);
  const after = Array.from({ length: 40 }, (_, seed) => {
    const random = randomFrom(seed + 1);
    return split(
      paths.map((path) => sized(path.size * (1 + 0.02 * (random() - 0.5)))(path)),
      /./,
      3,
    );
  });
  expect(after.filter(isSame).length).toBeGreaterThan(20);
});

/** Each needs the one before. */
function stack(name: string, count: number): StorePath[] {
  const paths: StorePath[] = [];
  for (let i = 0; i < count; i++) paths.push(ofSize(1e5, `${name}${i}`, ...paths.slice(-1)));
  return paths;
}

function users(name: string, needed: readonly StorePath[]): StorePath[] {
  return [0, 1, 2].map((i) => ofSize(1e5, `${name}${i}`, ...needed.slice(-1)));
}

function ofSize(size: number, name: string, ...references: readonly StorePath[]): StorePath {
  return {
    path: stored("a", `${name}-1`),
    size,
    references: references.map(({ path }) => path),
  };
}

function sized(size: number): (path: StorePath) => StorePath {
  return (path) => ({ ...path, size });
}

/** Each needs up to three of those before it; so many have one name, and versions of their own. */
function someGraph(count: number, versions = 1): StorePath[] {
  const random = randomFrom(count);
  const paths: StorePath[] = [];
  for (let i = 0; i < count; i++) {
    const needed = new Set([0, 1, 2].map(() => paths[Math.floor(random() ** 2 * i)]));
    const references = [...needed].flatMap((each) => (each === undefined ? [] : [each.path]));
    const name = `path${Math.floor(i / versions)}-${i % versions}`;
    const size = Math.round(1000 * 2 ** (10 * random()));
    paths.push({ path: `/nix/store/${hash(random)}-${name}`, size, references });
  }
  return paths;
}

/** The same with other hashes. */
function rebuilt(paths: readonly StorePath[], random: () => number): readonly StorePath[] {
  const renamed = new Map(
    paths.map(({ path }) => [path, `/nix/store/${hash(random)}-${storePathName(path)}`] as const),
  );
  return paths.map(({ path, size, references }) => ({
    path: renamed.get(path) ?? path,
    size,
    references: references.map((each) => renamed.get(each) ?? each),
  }));
}

function hash(random: () => number): string {
  const letters = "0123456789abcdfghijklmnpqrsvwxyz";
  return Array.from({ length: 32 }, () => letters[Math.floor(32 * random())]).join("");
}

/** Bytes of each list times the packages that change it: all that is in it or that it needs. */
function reached(lists: readonly (readonly number[])[], graph: ReferenceGraph): number {
  const closureOf = closures(graph.references);
  return lists
    .map(
      (nodes) => closureOf(nodes).length * nodes.reduce((sum, n) => sum + (graph.sizes[n] ?? 0), 0),
    )
    .reduce((sum, each) => sum + each, 0);
}

/** From lists of one path each those two are joined that reach least more, until there are so many. */
function joinedOneByOne(graph: ReferenceGraph, count: number): readonly (readonly number[])[] {
  let lists = [...graph.paths.keys()].map((node) => [node]);
  while (lists.length > count) {
    let [best, least] = [[0, 1], Infinity];
    for (const [a, first] of lists.entries()) {
      for (const [b, second] of lists.slice(a + 1).entries()) {
        const more = reached([[...first, ...second]], graph) - reached([first, second], graph);
        if (more < least) [best, least] = [[a, a + 1 + b], more];
      }
    }
    const [a = 0, b = 0] = best;
    const joined = [...(lists[a] ?? []), ...(lists[b] ?? [])];
    lists = [...lists.filter((_, i) => i !== a && i !== b), joined];
  }
  return lists;
}

function split(paths: readonly StorePath[], which: RegExp, count: number): readonly string[][] {
  const graph = referenceGraph(paths);
  const nameOf = (node: number) => storePathName(graph.paths[node] ?? "");
  const nodes = [...graph.paths.keys()].filter((node) => which.test(nameOf(node)));
  return splitByChange(nodes, graph, count).map((list) => list.map(nameOf).sort());
}

function namesOf(paths: readonly StorePath[]): readonly string[] {
  return paths.map(({ path }) => storePathName(path)).sort();
}
