import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { PlannedPart } from "../../worker/layer-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import { noPopularity, storePathName } from "../../worker/popularity.ts";
import { stored } from "../support/store-tree.ts";

const common = { share: 0.1, names: ["cairo", "pango"] };

test("what hardly an image has is a layer of what many have, and one of the rest", () => {
  expect(layersOf(["cairo", "pango", "gtk"], [common])).toEqual([["cairo", "pango"], ["gtk"]]);
  expect(layersOf(["cairo", "pango"], [common])).toEqual([["cairo", "pango"]]);
  expect(layersOf(["cairo", "gtk"], [common])).toEqual([["cairo", "gtk"]]);
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

test("the rest is divided as well", () => {
  const other = { share: 0.05, names: ["gdk", "gtk"] };
  expect(layersOf(["cairo", "pango", "gdk", "gtk", "wayland"], [common, other])).toEqual([
    ["cairo", "pango"],
    ["gdk", "gtk"],
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
  // Dividing saves the few bytes of one path, and the rest is worth a layer.
  const few = { cairo: 10_000 };
  expect(layersOf(["cairo", "gtk"], [part], { sizes: few })).toEqual([["cairo", "gtk"]]);
  expect(layersOf(["cairo", "gtk"], [part], { sizes: { cairo: 50_000 } })).toHaveLength(2);
});

test("over budget a layer more costs what the last one saves that has one", () => {
  const part = { share: 0.1, names: ["cairo"] };
  const others = ["a", "b", "c"].map((name) => `${name}-large`);
  const sizes = { cairo: 3e6, gtk: 9e7, "a-large": 9e7, "b-large": 9e7, "c-large": 9e7 };
  const having = ["cairo", "gtk", ...others];
  expect(layersOf(having, [part], { sizes, budget: 9 })).toHaveLength(5);
  const layers = layersOf(having, [part], { sizes, budget: 3 });
  expect(layers).toHaveLength(3);
  expect(layers).not.toContainEqual(["cairo"]);
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
