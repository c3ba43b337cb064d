import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { StorePath } from "../../core/ports.ts";
import type { LayerPlan } from "../../worker/layer-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import { noPopularity, storePathName } from "../../worker/popularity.ts";
import { stored } from "../support/store-tree.ts";

const plan: LayerPlan = {
  bundles: [
    { share: 0.2, names: ["git", "pcre"] },
    { share: 0.95, names: ["glibc", "libidn"] },
    { share: 0.4, names: ["zlib"] },
  ],
};
const glibc = pathOf("a", "glibc-2.40");
const libidn = pathOf("b", "libidn-2.3", glibc);
const zlib = pathOf("c", "zlib-1.3", glibc);
const pcre = pathOf("d", "pcre-8.4", glibc);
const git = pathOf("e", "git-2.50", pcre, zlib);

test("what the plan has together is one layer, and what most images have is lowest", () => {
  expect(group([git, pcre, zlib, libidn, glibc])).toEqual([
    ["glibc-2.40", "libidn-2.3"],
    ["zlib-1.3"],
    ["git-2.50", "pcre-8.4"],
  ]);
});

test("of what the plan has together an image gets what it needs", () => {
  expect(group([zlib, glibc])).toEqual([["glibc-2.40"], ["zlib-1.3"]]);
});

test("another version of a package moves nothing else", () => {
  const before = group([git, pcre, zlib, libidn, glibc]);
  const newer = { ...zlib, path: stored("x", "zlib-1.4"), size: 3e6 };
  const needing = { ...git, path: stored("y", "git-2.50"), references: [pcre.path, newer.path] };
  const after = group([needing, pcre, newer, libidn, glibc]);
  expect(after).toEqual(
    before.map((names) => names.map((name) => (name === "zlib-1.3" ? "zlib-1.4" : name))),
  );
});

test("of two versions in one image the plan means the one that most refer to", () => {
  const old = pathOf("f", "zlib-1.2", glibc);
  const tool = pathOf("g", "tool-1", old);
  const other = pathOf("h", "other-1", zlib);
  const layers = group([tool, other, old, git, pcre, zlib, libidn, glibc]);
  expect(layers[1]).toEqual(["zlib-1.3"]);
  expect(layers.flat()).toContain("zlib-1.2");
});

test("what the plan does not know is a layer of its own if it is large, and on top if it is not", () => {
  const large = pathOf("g", "movie-1", glibc);
  const small = { ...pathOf("h", "note-1"), size: 500 };
  const tiny = { ...pathOf("i", "word-1"), size: 500 };
  expect(group([small, tiny, { ...large, size: 9e7 }, glibc, libidn])).toEqual([
    ["glibc-2.40", "libidn-2.3"],
    ["movie-1"],
    ["note-1", "word-1"],
  ]);
});

test("over budget what is shared least, by bytes, is one layer on top", () => {
  const large = { ...zlib, size: 9e6 };
  expect(group([git, pcre, large, libidn, glibc], 2)).toEqual([
    ["zlib-1.3"],
    ["git-2.50", "glibc-2.40", "libidn-2.3", "pcre-8.4"],
  ]);
});

test("a layer is as shared as the part of the bundle that it holds, not as the bundle", () => {
  // Nearly all images have something of the left bundle, but hardly one has the first two and not the third.
  const left = { share: 0.95, names: ["left", "link", "loop"] };
  const right = { share: 0.1, names: ["right", "rind"] };
  const apart = [
    { share: 0.6, names: ["left", "loop"] },
    { share: 0.35, names: ["link", "loop"] },
  ];
  const whole = [{ share: 0.1, names: ["rind", "right"] }];
  const known = {
    bundles: [
      { ...left, parts: apart },
      { ...right, parts: whole },
    ],
  };
  const both = ["left", "link", "rind", "right"].map((name) => pathOf("a", `${name}-1`));
  const grouped = (bundles: LayerPlan, budget: number, closure = both) =>
    namesOf(groupByPlan(closure, [], { budget, plan: bundles, popularity: noPopularity }));
  const [lefts, rights] = [["left-1", "link-1"], ["right-1", "rind-1"].sort(compareBytes)];
  const [note, loop] = [pathOf("b", "note-1"), pathOf("a", "loop-1")];
  expect(grouped(known, 9)).toEqual([rights, lefts]);
  expect(grouped(known, 2, [...both, note])).toEqual([rights, [...lefts, "note-1"]]);
  expect(grouped(known, 9, [loop, ...both.slice(1)])).toEqual([["link-1", "loop-1"], rights]);
  // Where nothing is known of parts, the shares of bundles decide, as they did for images that are there.
  expect(grouped({ bundles: [left, right] }, 9)).toEqual([lefts, rights]);
  expect(grouped({ bundles: [left, right] }, 2, [...both, note])).toEqual([
    lefts,
    ["note-1", ...rights],
  ]);
});

test("over a budget that is not small, what changes with others is apart from what does not", () => {
  const alone = "bcdefghijklm"
    .split("")
    .map((letter) => ofSize(9e7, pathOf(letter, `a${letter}-1`)));
  const bases = "opqr".split("").map((letter) => ofSize(4e3, pathOf(letter, `base${letter}-1`)));
  const needy = "stu".split("").map((letter) => ofSize(8e3, pathOf(letter, `x-1`, ...bases)));
  const closure = [...alone, ...bases, ...needy];
  expect(group(closure, 11)).toHaveLength(11);
  expect(group(closure, 11).at(-1)).toEqual(expect.arrayContaining(["al-1", "x-1"]));
  const layers = group(closure, 12);
  expect(layers).toHaveLength(12);
  expect(layers.at(-1)).toEqual([
    ...bases.map(({ path }) => storePathName(path)),
    "x-1",
    "x-1",
    "x-1",
  ]);
});

test("a large budget has three layers for what finds none of its own", () => {
  const alone = Array.from({ length: 57 }, (_, i) => ofSize(9e7, pathOf("b", `alone${i}-1`)));
  const families = ["c", "d", "e"].map((letter, i) =>
    ["cat", "dog"].map((name) =>
      ofSize(2e5, pathOf(letter, `${name}${i}-1`, ...alone.slice(0, 4 ** i))),
    ),
  );
  const closure = [...alone, ...families.flat()];
  const [three, two] = [group(closure, 60), group(closure, 59)];
  expect(three).toHaveLength(60);
  expect(three.slice(-3)).toEqual([
    ["cat0-1", "dog0-1"],
    ["cat1-1", "dog1-1"],
    ["cat2-1", "dog2-1"],
  ]);
  expect(two).toHaveLength(59);
  expect(two.slice(-3).map(([first]) => first)).toEqual([
    expect.stringMatching(/alone/),
    "cat0-1",
    "cat2-1",
  ]);
});

test("layers that what is all alike on top has no use for are given to others", () => {
  for (const [budget, count] of [
    [12, 60],
    [59, 100],
    [60, 100],
    [125, 200],
  ] as const) {
    const paths = Array.from({ length: count }, (_, i) => ofSize(2e5, pathOf("b", `one${i}-1`)));
    expect(group(paths, budget)).toHaveLength(budget);
  }
});

test("what is needed by a layer comes right below it, before what others need", () => {
  const shares: LayerPlan = {
    bundles: [
      { share: 0.3, names: ["cairo"] },
      { share: 0.1, names: ["editor"] },
      { share: 0.2, names: ["server"] },
      { share: 0.25, names: ["toolkit"] },
    ],
  };
  const cairo = pathOf("a", "cairo-1");
  const toolkit = pathOf("b", "toolkit-1", cairo);
  const editor = { ...pathOf("c", "editor-1", toolkit), size: 9e7 };
  const server = pathOf("d", "server-1");
  const layers = groupByPlan([server, editor, toolkit, cairo], [editor.path, server.path], {
    budget: 9,
    plan: shares,
    popularity: noPopularity,
  });
  expect(namesOf(layers)).toEqual([["cairo-1"], ["toolkit-1"], ["editor-1"], ["server-1"]]);
});

test("of what equally many images have the first by name is lower, however large it is", () => {
  const alike: LayerPlan = {
    bundles: [
      { share: 1, names: ["apple"] },
      { share: 1, names: ["beech"] },
    ],
  };
  const closure = [pathOf("z", "apple-1"), ofSize(9e7, pathOf("a", "beech-1"))];
  const layers = groupByPlan(closure, [], { budget: 9, plan: alike, popularity: noPopularity });
  expect(namesOf(layers)).toEqual([["apple-1"], ["beech-1"]]);
});

test("nothing is no layer, and a closure that is not whole is refused", () => {
  const options = { budget: 1, plan, popularity: noPopularity };
  expect(groupByPlan([], [], options)).toEqual([]);
  expect(() => groupByPlan([git], [git.path], options)).toThrow("which is not in the closure");
  expect(() => groupByPlan([glibc], [git.path], options)).toThrow("is not in the closure");
  expect(() => groupByPlan([glibc], [], { ...options, budget: 0 })).toThrow(
    "0 is no number of layers",
  );
});

function group(closure: readonly StorePath[], budget = 9): string[][] {
  return namesOf(groupByPlan(closure, [], { budget, plan, popularity: noPopularity }));
}

function namesOf(layers: readonly { readonly paths: readonly string[] }[]): string[][] {
  return layers.map(({ paths }) => paths.map(storePathName).sort(compareBytes));
}

function pathOf(letter: string, name: string, ...needed: readonly StorePath[]): StorePath {
  return { path: stored(letter, name), size: 1e6, references: needed.map(({ path }) => path) };
}

function ofSize(size: number, { path, references }: StorePath): StorePath {
  return { path, size, references };
}
