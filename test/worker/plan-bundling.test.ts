import { expect, test } from "vitest";
import type { Bundle } from "../../worker/plan-bundle.ts";
import { bundle, type Bundling } from "../../worker/plan-bundling.ts";
import { costOfByte, imageCount, single } from "../support/bundles.ts";

const everywhere = Array.from({ length: imageCount }, (_, image) => image);
const somewhere = everywhere.slice(0, 20);

test("what the same images have is joined, whatever the plan before had together", () => {
  // What is in each image is out of order once the plan before has been followed there.
  const starting = [everywhere, everywhere, somewhere, somewhere].map((images, node) =>
    single(node, images),
  );
  expect(membersOf(bundle(starting, bundling({ previous: [[1, 0]] })))).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(membersOf(bundle(starting, bundling({ previous: [] })))).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

test("what needs much is kept from what needs little, the more so the more a change counts", () => {
  const starting = [single(0, everywhere), single(1, everywhere, { needs: 60 })];
  const joined = (changeRate: number) => bundle(starting, bundling({ changeRate })).length === 1;
  expect([0, 0.0005, 0.5].map(joined)).toEqual([true, true, false]);
});

function bundling(some: Partial<Bundling>): Bundling {
  const prices = new Float64Array(imageCount).fill(2000);
  return { costOfByte, prices, changeRate: 0, previous: [], ...some };
}

function membersOf(bundles: readonly Bundle[]): readonly (readonly number[])[] {
  return bundles.map(({ members }) => members.toSorted((a, b) => a - b));
}
