import { expect, test } from "vitest";
import type { StorePath } from "../../core/ports.ts";
import { encodePlan, type LayerPlan } from "../../worker/layer-plan.ts";
import { learnPlan, type PlanMaterial, planTuning } from "../../worker/learn-plan.ts";
import { noPopularity, parsePopularity } from "../../worker/popularity.ts";
import { reordered, shuffled } from "../support/shuffled.ts";
import { randomFrom, stored } from "../support/store-tree.ts";

// A desktop of three libraries that always come together, a shell, and a library that both need.
const packages = [
  pathOf("a", "base-1", 2e6),
  pathOf("b", "cairo-1", 2e6, "a", "base-1"),
  pathOf("c", "glib-1", 2e6, "a", "base-1"),
  { ...pathOf("d", "toolkit-1", 3e6), references: [stored("b", "cairo-1"), stored("c", "glib-1")] },
  pathOf("e", "editor-1", 80e6, "d", "toolkit-1"),
  pathOf("f", "shell-1", 5e6, "a", "base-1"),
  pathOf("g", "viewer-1", 70e6, "d", "toolkit-1"),
];
const pulled = Array.from({ length: 60 }, (_, index) =>
  index % 3 === 0 ? ["shell"] : index % 3 === 1 ? ["editor"] : ["viewer", "shell"],
);
const material: PlanMaterial = { packages, popularity: noPopularity, pulled };

test("small paths with the same audience share a layer, large ones stand alone", () => {
  const names = learnPlan(material).bundles.map((bundle) => bundle.names);
  expect(names).toEqual([
    ["base"],
    ["cairo", "glib", "toolkit"],
    ["editor"],
    ["shell"],
    ["viewer"],
  ]);
});

test("shares are those of the images that were pulled", () => {
  const shares = new Map(learnPlan(material).bundles.map(({ names, share }) => [names[0], share]));
  expect(shares.get("base")).toBe(1);
  expect(shares.get("cairo")).toBeGreaterThan(0.55);
  expect(shares.get("cairo")).toBeLessThan(0.8);
});

test("a plan says in which parts images have what shares a layer", () => {
  const { bundles } = learnPlan({ ...material, tuning: { layerBytes: 200_000 } });
  const base = bundles.find(({ names }) => names.includes("base"));
  expect(base?.names).toEqual(["base", "shell"]);
  expect(base?.parts?.map(({ names }) => names)).toEqual([["base"], ["base", "shell"]]);
  expect(base?.parts?.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 1);
});

test("a few images more leave a plan as it was, and many do not", () => {
  const previous = learnPlan(material);
  const more = (images: number) => [...pulled, ...Array.from({ length: images }, () => ["editor"])];
  const after = (images: number) =>
    encodePlan(learnPlan({ ...material, pulled: more(images), previous }));
  expect(after(3)).toBe(encodePlan(previous));
  expect(encodePlan(learnPlan({ ...material, pulled: more(3) }))).not.toBe(encodePlan(previous));
  expect(after(60)).not.toBe(encodePlan(previous));
});

test("where the budget is small, layers are saved in the images that have most of them", () => {
  const tuning = { ...planTuning, layerBytes: 100_000 };
  const withBudget = (budget: number) => namesIn(learnPlan({ ...material, budget, tuning }));
  // Two of three images have a shell, and save a layer; the viewers have the most layers, and the editors the next most.
  const shells = [["base", "shell"], ["cairo", "glib", "toolkit"], ["editor"], ["viewer"]];
  const desktops = [["base", "cairo", "glib", "toolkit"], ["editor"], ["shell"], ["viewer"]];
  expect([94, 45].map(withBudget)).toEqual([shells, shells]);
  expect([44, 10].map(withBudget)).toEqual([desktops, desktops]);
});

test("before anything was pulled a plan is learned from popularity", () => {
  const popularity = parsePopularity('{"shell": 1000, "editor": 10}');
  const bundles = learnPlan({ packages, popularity, pulled: [] }).bundles;
  const shareOf = (name: string) => bundles.find(({ names }) => names.includes(name))?.share ?? 0;
  expect(shareOf("shell")).toBeGreaterThan(0.9);
  expect(shareOf("editor")).toBeLessThan(0.2);
});

test("a hundred orders of the same material give the same bytes", () => {
  const random = randomFrom(3);
  const tuning = { images: 200 };
  const text = encodePlan(learnPlan({ ...material, tuning }));
  for (let round = 0; round < 100; round++) {
    const again = learnPlan({
      packages: reordered(packages, random),
      popularity: noPopularity,
      pulled: shuffled(pulled, random).map((asked) => shuffled(asked, random)),
      tuning,
    });
    expect(encodePlan(again)).toBe(text);
  }
});

test("another version of a package, with all that needs it rebuilt, changes nothing", () => {
  const letters = new Map(
    packages.map(({ path }) => [
      path,
      path.replace(/store\/./, `store/${rebuilt(path)}`).replace("base-1", "base-2"),
    ]),
  );
  const bumped = packages.map(({ path, size, references }) => ({
    path: letters.get(path) ?? "",
    size,
    references: references.map((reference) => letters.get(reference) ?? ""),
  }));
  expect(encodePlan(learnPlan({ ...material, packages: bumped }))).toBe(
    encodePlan(learnPlan(material)),
  );
});

test("what a previous plan has together or apart stays so while it costs little", () => {
  const apart = learnPlan({ ...material, tuning: { layerBytes: 1000 } });
  const together = learnPlan({ ...material, tuning: { layerBytes: 200_000 } });
  const between = { layerBytes: 70_000 };
  const fresh = learnPlan({ ...material, tuning: between });
  const kept = learnPlan({ ...material, previous: apart, tuning: between });
  expect(namesIn(fresh)).toEqual(namesIn(together));
  expect(namesIn(kept)).toEqual(namesIn(apart));
  expect(namesIn(apart)).not.toEqual(namesIn(together));
});

// Another hash, so that the paths sort in another order.
function rebuilt(path: string): string {
  return String.fromCharCode("z".charCodeAt(0) - path.charCodeAt("/nix/store/".length) + 97);
}

function namesIn(plan: LayerPlan): readonly (readonly string[])[] {
  return plan.bundles.map(({ names }) => names);
}

function pathOf(
  letter: string,
  name: string,
  size: number,
  neededLetter?: string,
  needed?: string,
): StorePath {
  const references =
    neededLetter === undefined || needed === undefined ? [] : [stored(neededLetter, needed)];
  return { path: stored(letter, name), size, references };
}
