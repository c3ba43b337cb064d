import { expect, test } from "vitest";
import { sampleImages, type SampleSource } from "../../worker/plan-sample.ts";

const count = 500;
const [seen, all] = [450, 1000];

test("one package more leaves nearly all sampled images as they were", () => {
  const changed = differing(sampled(all), sampled(all + 1));
  expect(changed).toBeLessThan(count / 50);
});

test("one image pulled more leaves nearly all sampled images as they were", () => {
  const more = [...pulled(), [0, 3, 9]];
  expect(differing(sampled(all), sampled(all, more))).toBeLessThan(count / 10);
});

test("packages are asked for as often as in the images that were pulled, which have as many", () => {
  const images = sampled(all);
  const share = (node: number) => images.filter((image) => image.includes(node)).length / count;
  expect(share(0)).toBe(1);
  expect(share(1)).toBeCloseTo(0.49, 1);
  expect(share(12)).toBeLessThan(0.1);
  const sizes = images.map(({ length }) => length);
  expect(Math.max(...sizes)).toBe(3);
  expect(Math.min(...sizes)).toBe(2);
  const isNew = (node: number) => node >= seen;
  expect(images.some((image) => image.some(isNew))).toBe(true);
});

test("another seed is another sample", () => {
  expect(differing(sampled(all), sampled(all, pulled(), 2))).toBeGreaterThan(count / 2);
});

// Node 0 is in all images, 1 in half of them, 2 to 39 in some, and in one of ten images is what no other has.
function pulled(): number[][] {
  return Array.from({ length: 400 }, (_, index) => {
    const seldom = index % 10 === 9 ? 40 + index : 2 + ((index * index) % 38);
    return index % 2 === 0 ? [0, 1, seldom] : [0, seldom];
  });
}

function sampled(packages: number, log = pulled(), seed = 1) {
  // No package needs another, so that an image is what it asks for.
  const source: SampleSource = {
    references: { offsets: new Uint32Array(packages + 1), targets: new Uint32Array(0) },
    names: Array.from({ length: packages }, (_, node) => `package${node}`),
    weights: new Float64Array(packages).fill(1),
    pulled: log,
  };
  return sampleImages(source, count, seed);
}

function differing(before: readonly Int32Array[], after: readonly Int32Array[]): number {
  return before.filter((image, index) => image.join() !== after[index]?.join()).length;
}
