import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { StorePath } from "../../core/ports.ts";
import { groupLayers } from "../../worker/layers.ts";
import { noPopularity, parsePopularity, storePathName } from "../../worker/popularity.ts";
import { reordered, shuffled } from "../support/shuffled.ts";
import { randomFrom, stored } from "../support/store-tree.ts";

// The graph that is drawn in worker/layers.ts.
const drawn = closureOf({ a: "c", b: "eg", c: "de", d: "", e: "f", f: "", g: "h", h: "" });
const requested = [pathOf("a"), pathOf("b")];

test("what only one path needs travels with it, what two need travels alone", () => {
  expect(namesOf(group(8))).toEqual(["EF", "ACD", "BGH"]);
});

test("a popular path is a layer of its own, and the lowest", () => {
  expect(namesOf(group(8, '{"h": 5000}'))).toEqual(["H", "ACD", "BG", "EF"]);
});

test("a large path is a layer of its own", () => {
  const large = drawn.map((entry) =>
    entry.path === pathOf("h") ? { ...entry, size: 5e8 } : entry,
  );
  const layers = groupLayers(large, requested, { budget: 8, popularity: noPopularity });
  expect(namesOf(layers)).toContain("H");
});

test("a cost in the popularity file stands in for the size", () => {
  expect(namesOf(group(8, '{"h": {"cost": 500000000}}'))).toContain("H");
});

test("over budget the lowest rated become one layer, which is the top", () => {
  expect(namesOf(group(3, '{"h": 5000, "e": 2}'))).toEqual(["H", "EF", "ABCDG"]);
  expect(namesOf(group(2, '{"h": 5000, "e": 2}'))).toEqual(["H", "ABCDEFG"]);
  expect(namesOf(group(1, '{"h": 5000, "e": 2}'))).toEqual(["ABCDEFGH"]);
});

test("of equals the one whose name sorts first is lower, and merged last, whatever the hashes", () => {
  const paths = [stored("z", "apple-1"), stored("y", "beech-1"), stored("x", "cedar-1")];
  const closure = paths.map((path) => ({ path, size: 1000, references: [] }));
  const [apple, beech, cedar] = paths;
  const layersOf = (budget: number) =>
    groupLayers(closure, paths, { budget, popularity: noPopularity }).map((layer) => layer.paths);
  expect(layersOf(3)).toEqual([[apple], [beech], [cedar]]);
  expect(layersOf(2)).toEqual([[apple], [cedar, beech]]);
});

test("a path that refers to itself and one that no root needs are in a layer", () => {
  const closure = [...closureOf({ a: "a" }), ...closureOf({ z: "" })];
  const layers = groupLayers(closure, [pathOf("a")], { budget: 9, popularity: noPopularity });
  expect(namesOf(layers)).toEqual(["A", "Z"]);
});

test("nothing is no layer", () => {
  expect(groupLayers([], [], { budget: 1, popularity: noPopularity })).toEqual([]);
});

test("a closure that is not whole is refused", () => {
  expect(() => group(8, "{}", closureOf({ a: "x" }), [pathOf("a")])).toThrow(
    `${pathOf("a")} refers to ${pathOf("x")}, which is not in the closure`,
  );
  expect(() => group(8, "{}", drawn, [pathOf("y")])).toThrow("is not in the closure");
  expect(() => group(0)).toThrow("0 is no number of layers");
});

test.each([1, 2, 3, 4, 5])("random closures of seed %i keep the promises", (seed) => {
  const random = randomFrom(seed);
  for (let round = 0; round < 20; round++) {
    const count = 1 + Math.floor(random() * 80);
    const closure = randomClosure(count, random);
    const roots = closure.slice(0, 1 + Math.floor(random() * 4)).map(({ path }) => path);
    const budget = 1 + Math.floor(random() * 12);
    const popularity =
      random() < 0.5 ? noPopularity : parsePopularity('{"p3": 900, "p5-1": 4, "p7": 20}');
    const layers = groupLayers(closure, roots, { budget, popularity });

    expect(layers.length).toBeLessThanOrEqual(budget);
    const paths = layers.flatMap((layer) => layer.paths);
    expect(paths.toSorted(compareBytes)).toEqual(
      closure.map(({ path }) => path).toSorted(compareBytes),
    );
    for (const layer of layers) expect(layer.paths).toEqual(layer.paths.toSorted(compareBytes));
    const again = groupLayers(reordered(closure, random), shuffled(roots, random), {
      budget,
      popularity,
    });
    expect(again).toEqual(layers);
  }
});

function group(budget: number, popularity = "{}", closure = drawn, roots = requested) {
  return groupLayers(closure, roots, { budget, popularity: parsePopularity(popularity) });
}

function closureOf(references: Readonly<Record<string, string>>): StorePath[] {
  return Object.entries(references).map(([name, others]) => ({
    path: pathOf(name),
    size: 1000,
    references: others.split("").map(pathOf),
  }));
}

function pathOf(letter: string): string {
  return stored(letter, `${letter}-1.0`);
}

function namesOf(layers: readonly { readonly paths: readonly string[] }[]): string[] {
  return layers.map(({ paths }) =>
    paths.map((path) => storePathName(path).slice(0, 1).toUpperCase()).join(""),
  );
}

function randomClosure(count: number, random: () => number): StorePath[] {
  const paths = Array.from(
    { length: count },
    (_, index) => `/nix/store/${Math.floor(random() * 1e9)}x${index}-p${index}-1`,
  );
  return paths.map((path, index) => ({
    path,
    size: Math.floor(random() ** 4 * 2e6),
    references: paths.filter((_, other) => other > index && random() < 3 / count),
  }));
}
