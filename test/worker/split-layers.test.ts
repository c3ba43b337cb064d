import { expect, test } from "vitest";
import { largestFirst, splitBytes, splitLayers } from "../../worker/split-layers.ts";

const half = splitBytes / 2;
const never = () => Promise.reject(new Error("nobody asked for that"));
const paths = (...names: readonly string[]) => names.map((name) => `/nix/store/${name}`);

function layer(sizes: ReadonlyMap<string, number>, ...names: readonly string[]) {
  const held = paths(...names);
  return { paths: held, size: held.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0) };
}

const sizes = new Map(paths("a", "b", "c", "d").map((path) => [path, half]));

test("a layer that is too large is split between its store paths, in their order", async () => {
  const layers = [layer(sizes, "a", "b", "c"), layer(sizes, "d")];
  const split = await splitLayers(layers, { budget: 5, sizes, slicesOf: never });
  expect(split.map(({ slices }) => slices.map(({ path }) => path))).toEqual([
    paths("a", "b"),
    paths("c"),
    paths("d"),
  ]);
  expect(split.map(({ comment }) => comment)).toEqual([
    expect.stringMatching(/, part 1 of 2$/),
    expect.stringMatching(/, part 2 of 2$/),
    expect.not.stringContaining("part"),
  ]);
});

test("where the budget has no room the largest is split first, and into fewer", async () => {
  const large = new Map([
    ...sizes,
    ...paths("e", "f", "g", "h").map((path) => [path, half] as const),
  ]);
  const layers = [layer(large, "a", "b", "c"), layer(large, "d", "e", "f", "g", "h")];
  const counts = async (budget: number) => {
    const split = await splitLayers(layers, { budget, sizes: large, slicesOf: never });
    expect(split.length).toBeLessThanOrEqual(budget);
    return split.map(({ slices }) => slices.length);
  };
  expect(await counts(2)).toEqual([3, 5]);
  expect(await counts(3)).toEqual([3, 4, 1]);
  expect(await counts(4)).toEqual([3, 2, 2, 1]);
  expect(await counts(5)).toEqual([2, 1, 2, 2, 1]);
});

test("a large store path is in slices, in one layer where there is room for no more", async () => {
  const [path = ""] = paths("llvm");
  const slices = ["x", "y"].map((first) => ({ path, first }));
  const tools = {
    sizes: new Map([[path, splitBytes * 2]]),
    slicesOf: async () => [{ path }, ...slices].map((slice) => ({ slice, size: half + 1 })),
  };
  const layers = [layer(tools.sizes, "llvm")];
  const alone = await splitLayers(layers, { ...tools, budget: 1 });
  expect(alone.map((each) => each.slices)).toEqual([[{ path }, ...slices]]);
  const split = await splitLayers(layers, { ...tools, budget: 9 });
  expect(split.map((each) => each.slices)).toEqual([[{ path }], ...slices.map((each) => [each])]);
});

test("the largest layers are begun first, those of one size in their order", () => {
  const layers = [3, 1, 9, 3].map((size) => ({ size }));
  expect(largestFirst(layers)).toEqual([2, 0, 3, 1]);
});

test("the sizes of a layer's parts are known, by which the largest is begun first", async () => {
  const layers = [layer(sizes, "a", "b", "c"), layer(sizes, "d")];
  const split = await splitLayers(layers, { budget: 5, sizes, slicesOf: never });
  expect(split.map(({ size }) => size)).toEqual([2 * half, half, half]);
});
