import { expect, test } from "vitest";
import type { Bundle } from "../../worker/plan-bundle.ts";
import { bundle } from "../../worker/plan-bundling.ts";
import { bundleInRounds, pricesByLayers } from "../../worker/plan-in-rounds.ts";
import { costOfByte, imageCount, single } from "../support/bundles.ts";

// Half of the images have two paths at most, the others thirty; each path is missing in a tenth of its images.
const small = pathsIn(0, 2);
const large = pathsIn(100, 30);
const starting = [...small, ...large].map((images, node) => single(node, images));
const priced = (price: number, previous: readonly (readonly number[])[] = []) => ({
  costOfByte,
  prices: new Float64Array(imageCount).fill(price),
  changeRate: 0.0005,
  previous,
});
const budget = 12;

test("images that have layers to spare keep them, and those that have too many share them", () => {
  const inOneRound = bundle(starting, priced(2200));
  const inRounds = bundleInRounds(starting, priced(2200), budget);
  expect([layersOf(inOneRound, 55), layersOf(inOneRound, 155)]).toEqual([1, 9]);
  expect([layersOf(inRounds, 55), layersOf(inRounds, 155)]).toEqual([2, 5]);
});

test("no path is lost in rounds, nor in two bundles", () => {
  const members = bundleInRounds(starting, priced(2200), budget).flatMap((each) => each.members);
  expect(members.toSorted((a, b) => a - b)).toEqual(starting.map((_, node) => node));
  expect(bundleInRounds([], priced(2200), budget)).toEqual([]);
});

test("what was together before stays so while it costs little", () => {
  const fresh = bundleInRounds(starting, priced(1500), budget);
  const kept = bundleInRounds(starting, priced(1500, [[2, 3]]), budget);
  const withBoth = (bundles: readonly Bundle[]) =>
    bundles.filter(({ members }) => members.includes(2) && members.includes(3)).length;
  expect([withBoth(fresh), withBoth(kept)]).toEqual([0, 1]);
});

test("a layer is worth more the more layers an image has, and as much in sum as before", () => {
  const prices = new Float64Array(imageCount).fill(400);
  const byLayers = pricesByLayers(starting, prices, budget);
  expect(byLayers[150]).toBeGreaterThan(1000 * (byLayers[50] ?? 0));
  const worth = (each: Float64Array) =>
    each.reduce((sum, price, image) => sum + price * layersOf(starting, image), 0);
  expect(worth(byLayers)).toBeCloseTo(worth(prices), 3);
});

test("the two layers on top are not there for bundles, and beyond three times the rest none is worth more", () => {
  const prices = new Float64Array(imageCount).fill(400);
  const [few, many] = [layersOf(starting, 50), layersOf(starting, 150)];
  const timesAt = (most: number) => {
    const byLayers = pricesByLayers(starting, prices, most);
    return (byLayers[150] ?? 0) / (byLayers[50] ?? 0);
  };
  expect(timesAt(30)).toBeCloseTo((many / few) ** 4, 3);
  expect(many).toBeGreaterThan(3 * (8 - 2));
  expect(timesAt(8)).toBeCloseTo(((3 * (8 - 2)) / few) ** 4, 3);
});

test("what goes into the last layer anyway is no layer", () => {
  const prices = new Float64Array(imageCount).fill(400);
  const tiny = large.map((images, node) => single(100 + node, images, { size: 1000 }));
  expect(pricesByLayers([...starting, ...tiny], prices, budget)).toEqual(
    pricesByLayers(starting, prices, budget),
  );
  expect(pricesByLayers(tiny, prices, budget)).toEqual(prices);
});

function pathsIn(first: number, count: number): readonly Int32Array[] {
  return Array.from({ length: count }, (_, path) =>
    Int32Array.from(
      Array.from({ length: 100 }, (_image, image) => first + image).filter(
        (image) => image % 10 !== path % 10,
      ),
    ),
  );
}

function layersOf(bundles: readonly Bundle[], image: number): number {
  return bundles.filter(({ images }) => images.includes(image)).length;
}
