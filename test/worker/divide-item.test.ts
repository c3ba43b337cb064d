import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { PlannedPart } from "../../worker/layer-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import { noPopularity, storePathName } from "../../worker/popularity.ts";
import { stored } from "../support/store-tree.ts";

const common = { share: 0.1, names: ["cairo", "pango"] };

test("what fewer images have is a layer of what more have, and one of the rest", () => {
  expect(layersOf(["cairo", "pango", "gtk"], [common])).toEqual([["cairo", "pango"], ["gtk"]]);
  expect(layersOf(["cairo", "pango"], [common])).toEqual([["cairo", "pango"]]);
  expect(layersOf(["cairo", "gtk"], [common])).toEqual([["cairo", "gtk"]]);
  expect(layersOf(["cairo", "gdk", "gtk"], [common])).toEqual([["cairo", "gdk", "gtk"]]);
});

test("what many images have just so stays one layer, though others have a part of it", () => {
  const whole = { share: 0.2, names: ["cairo", "gtk", "pango"] };
  expect(layersOf(["cairo", "pango", "gtk"], [common, whole])).toEqual([["cairo", "gtk", "pango"]]);
  // Until those that have just so are few.
  expect(layersOf(["cairo", "pango", "gtk"], [common, { ...whole, share: 0.001 }])).toEqual([
    ["cairo", "pango"],
    ["gtk"],
  ]);
});

test("of those that have the same, half are expected to divide it as well", () => {
  const whole = { share: 0.003, names: ["cairo", "gtk"] };
  const part = (share: number) => ({ share, names: ["cairo"] });
  // If none did, twice the share would be too little; if all did, the same would be enough.
  expect(layersOf(["cairo", "gtk"], [whole, part(0.006)])).toHaveLength(2);
  expect(layersOf(["cairo", "gtk"], [whole, part(0.003)])).toHaveLength(1);
  // With them a part is in more images than all of it is, though fewer have it alone.
  const sizes = { cairo: 9e6, gtk: 1e5 };
  expect(layersOf(["cairo", "gtk"], [whole, part(0.0025)], { sizes })).toHaveLength(2);
});

test("of parts that images have it is the one by which most is saved", () => {
  const rarer = { share: 0.0005, names: ["cairo", "gtk"] };
  const less = { share: 0.1, names: ["pango"] };
  const first = (...parts: readonly PlannedPart[]) => layersOf(["cairo", "pango", "gtk"], parts)[0];
  expect(first(rarer, common)).toEqual(["cairo", "pango"]);
  expect(first(less, common)).toEqual(["cairo", "pango"]);
  expect(first(rarer, less)).toEqual(["pango"]);
  // The rest counts as well, where images have just that.
  const single = { share: 0.06, names: ["cairo"] };
  const pair = { share: 0.06, names: ["cairo", "gtk"] };
  expect(first(single, pair)).toEqual(["cairo", "gtk"]);
  expect(first(single, pair, { share: 0.02, names: ["gtk", "pango"] })).toEqual(["cairo"]);
});

test("the rest is divided as well, and so is the part", () => {
  const other = { share: 0.05, names: ["gdk", "gtk"] };
  expect(layersOf(["cairo", "pango", "gdk", "gtk", "wayland"], [common, other])).toEqual([
    ["cairo", "pango"],
    ["gdk", "gtk"],
    ["wayland"],
  ]);
  const part = { share: 0.002, names: ["cairo", "gtk", "pango"] };
  const inPart = { share: 0.1, names: ["cairo"] };
  const sizes = { gtk: 3e6 };
  expect(layersOf(["cairo", "pango", "gtk", "wayland"], [part, inPart], { sizes })).toEqual([
    ["cairo"],
    ["gtk", "pango"],
    ["wayland"],
  ]);
});

test("a layer more has to save more than it costs", () => {
  const part = { share: 0.1, names: ["cairo"] };
  // The rest is worth no layer, and goes where it needs none.
  expect(layersOf(["cairo", "gtk"], [part], { sizes: { gtk: 20_000 } })).toEqual([
    ["cairo"],
    ["gtk"],
  ]);
  expect(layersOf(["cairo", "gtk"], [part], { sizes: { cairo: 17_500, gtk: 1e5 } })).toEqual([
    ["cairo"],
    ["gtk"],
  ]);
  // Dividing saves the few bytes of one path, and the rest is worth a layer.
  const few = { cairo: 10_000 };
  expect(layersOf(["cairo", "gtk"], [part], { sizes: few })).toEqual([["cairo", "gtk"]]);
  expect(layersOf(["cairo", "gtk"], [part], { sizes: { cairo: 50_000 } })).toHaveLength(2);
});

test("what is worth no layer has parts that are", () => {
  const part = { share: 0.1, names: ["cairo"] };
  const sizes = { cairo: 100_000, gtk: 50_000 };
  expect(layersOf(["cairo", "gtk"], [part], { sizes })).toEqual([["cairo"], ["gtk"]]);
});

test("where layers run out one more costs what the last one saves", () => {
  const part = { share: 0.1, names: ["cairo"] };
  // Of what no other image has 0.15 of each byte are saved, of a layer of cairo 1.782. Two of these have a layer, and
  // what is left is the third.
  const sizes = { gtk: 95e6, "a-large": 85e6, "b-large": 20e6, "c-large": 10e6 };
  const enough = (0.15 * 85e6) / (1.782 - 0.15);
  const layers = (cairo: number) =>
    layersOf(["cairo", "gtk", "a-large", "b-large", "c-large"], [part], {
      sizes: { ...sizes, cairo },
      budget: 3,
    });
  expect(layers(0.98 * enough)).toEqual([["a-large"], ["cairo", "gtk"], ["b-large", "c-large"]]);
  expect(layers(1.02 * enough)).toEqual([["cairo"], ["gtk"], ["a-large", "b-large", "c-large"]]);
});

// Names of one bundle with these parts, and others; of a megabyte each unless it says otherwise.
function layersOf(
  having: readonly string[],
  parts: readonly PlannedPart[],
  { sizes = {}, budget = 9 }: { sizes?: Readonly<Record<string, number>>; budget?: number } = {},
): string[][] {
  const names = ["cairo", "gdk", "gtk", "pango", "wayland"];
  const plan = { bundles: [{ share: 0.4, names, parts }] };
  const closure = having.map((name) => ({
    path: stored("a", `${name}-1`),
    size: sizes[name] ?? 1e6,
    references: [],
  }));
  const options = { budget, plan, popularity: noPopularity };
  return groupByPlan(closure, [], options).map(({ paths }) =>
    paths.map((path) => storePathName(path).slice(0, -2)).sort(compareBytes),
  );
}
