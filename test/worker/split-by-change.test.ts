import { expect, test } from "vitest";
import type { StorePath } from "../../core/ports.ts";
import { referenceGraph } from "../../worker/graph.ts";
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

test("large paths are kept from what changes often, small ones are not worth it", () => {
  const base = stack("base", 8);
  const [calm, busy] = [ofSize(4e6, "calm"), users("busy", base).map(sized(4e6))];
  const crumbs = Array.from({ length: 4 }, (_, i) => ofSize(10, `crumb${i}`));
  const [first = [], second = []] = split(
    [...base, calm, ...busy, ...crumbs],
    /calm|busy|crumb/,
    2,
  );
  expect(first).toContain("calm-1");
  expect(second).toEqual(expect.arrayContaining(["busy0-1", "busy1-1", "busy2-1"]));
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
});

test("a rebuild moves nothing, and a package that becomes larger hardly anything", () => {
  const paths = someGraph(400);
  const before = split(paths, /./, 3);
  const renamed = new Map(
    paths.map(({ path }, i) => [path, stored(hashes(i), storePathName(path))] as const),
  );
  const rebuilt = paths.map(({ path, size, references }) => ({
    path: renamed.get(path) ?? path,
    size,
    references: references.map((each) => renamed.get(each) ?? each),
  }));
  expect(split(rebuilt, /./, 3)).toEqual(before);
  const listOf = new Map(before.flatMap((names, i) => names.map((name) => [name, i] as const)));
  let moved = 0;
  for (let changed = 0; changed < paths.length; changed += 20) {
    const larger = paths.map((path, i) => (i === changed ? sized(path.size * 1.01)(path) : path));
    for (const [i, names] of split(larger, /./, 3).entries()) {
      moved += names.filter((name) => listOf.get(name) !== i).length;
    }
  }
  expect(moved / 20).toBeLessThan(paths.length / 50);
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

/** Each needs up to three of those before it. */
function someGraph(count: number): StorePath[] {
  const random = randomFrom(count);
  const paths: StorePath[] = [];
  for (let i = 0; i < count; i++) {
    const needed = new Set([0, 1, 2].map(() => paths[Math.floor(random() ** 2 * i)]));
    const references = [...needed].filter((each) => each !== undefined);
    paths.push(ofSize(Math.round(1000 * 2 ** (10 * random())), `path${i}`, ...references));
  }
  return paths;
}

function hashes(index: number): string {
  return "bcdfghijklmnpqrsvwxyz"[index % 20] ?? "b";
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
