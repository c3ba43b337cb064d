import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { StorePath } from "../../core/ports.ts";
import type { LayerPlan, PlannedBundle, PlannedPart } from "../../worker/layer-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import { noPopularity, parsePopularity } from "../../worker/popularity.ts";
import { reordered, shuffled } from "../support/shuffled.ts";
import { randomFrom } from "../support/store-tree.ts";

test("budgets of 1 to 125 are held, with each path in one layer", () => {
  const random = randomFrom(7);
  const closure = randomClosure(400, random);
  const bundles = randomPlan(random);
  const popularity = parsePopularity('{"q3": 900, "q7": 20}');
  for (let budget = 1; budget <= 125; budget++) {
    const layers = groupByPlan(closure, [], { budget, plan: bundles, popularity });
    expect(layers.length).toBeLessThanOrEqual(budget);
    expect(layers.flatMap(({ paths }) => paths).sort(compareBytes)).toEqual(
      closure.map(({ path }) => path).sort(compareBytes),
    );
    expect(layers.reduce((sum, { size }) => sum + size, 0)).toBe(
      closure.reduce((sum, { size }) => sum + size, 0),
    );
  }
});

test("of random plans each budget is held, whatever images divide, and the order of nothing matters", () => {
  const random = randomFrom(13);
  let dividing = 0;
  for (let round = 0; round < 100; round++) {
    const closure = randomClosure(150, random);
    const plan = randomPlan(random);
    const budget = 1 + Math.floor(random() * 94);
    const layersOf = (paths: readonly StorePath[], by: LayerPlan) =>
      groupByPlan(paths, [], { budget, plan: by, popularity: noPopularity });
    const layers = layersOf(closure, plan);
    expect(layers.length).toBeLessThanOrEqual(budget);
    expect(layers.flatMap(({ paths }) => paths).sort(compareBytes)).toEqual(
      closure.map(({ path }) => path).sort(compareBytes),
    );
    expect(layersOf(reordered(closure, random), turned(plan, random))).toEqual(layers);
    const whole = { bundles: plan.bundles.map(({ share, names }) => ({ share, names })) };
    if (layersOf(closure, whole).length < layers.length) dividing++;
  }
  expect(dividing).toBeGreaterThan(30);
});

test("a hundred orders of the same closure and plan give the same layers", () => {
  const random = randomFrom(11);
  const closure = randomClosure(120, random);
  const bundles = randomPlan(random);
  const roots = closure.slice(0, 3).map(({ path }) => path);
  const popularity = parsePopularity('{"q3": 900, "q7": 20}');
  const layers = groupByPlan(closure, roots, { budget: 20, plan: bundles, popularity });
  for (let round = 0; round < 100; round++) {
    const again = groupByPlan(reordered(closure, random), shuffled(roots, random), {
      budget: 20,
      plan: turned(bundles, random),
      popularity,
    });
    expect(again).toEqual(layers);
  }
});

// The same plan, its bundles, parts and their names in another order.
function turned({ bundles }: LayerPlan, random: () => number): LayerPlan {
  return { bundles: shuffled(bundles.map(turnedBundle), random) };

  function turnedBundle({ parts, ...bundle }: PlannedBundle): PlannedBundle {
    const again = parts?.map((part) => ({ ...part, names: shuffled(part.names, random) }));
    return { ...bundle, ...(again && { parts: shuffled(again, random) }) };
  }
}

// Half of the names are in the plan, and some names come in two versions.
function randomClosure(count: number, random: () => number): StorePath[] {
  const paths = Array.from({ length: count }, (_, index) => {
    const hash = String(Math.floor(random() * 1e9)).padStart(32, "0");
    return `/nix/store/${hash}-${index % 2 === 0 ? "p" : "q"}${index % 150}-${index < 150 ? 1 : 2}`;
  });
  return paths.map((path, index) => ({
    path,
    size: Math.floor(random() ** 4 * 5e6),
    references: paths.filter((_, other) => other > index && random() < 3 / count),
  }));
}

// Bundles of one to seven names; of two in three it is known which parts images have, of a few shares, so that some are
// the same.
function randomPlan(random: () => number): LayerPlan {
  const names = shuffled(
    Array.from({ length: 75 }, (_, index) => `p${index * 2}`),
    random,
  );
  const bundles: PlannedBundle[] = [];
  while (names.length > 0) {
    const members = names.splice(0, 1 + Math.floor(random() * 7)).sort(compareBytes);
    const share = shares[Math.floor(random() * shares.length)] ?? 1;
    const parts = new Map<string, PlannedPart>();
    for (let part = 0; part < 1 + random() * 8; part++) {
      const held = members.filter(() => random() < 0.5);
      const times = shares[Math.floor(random() * shares.length)] ?? 1;
      if (held.length > 0) parts.set(held.join(), { share: share * times, names: held });
    }
    const isKnown = members.length > 1 && random() < 0.67;
    bundles.push({ share, names: members, ...(isKnown && { parts: [...parts.values()] }) });
  }
  return { bundles };
}

const shares = [0.001, 0.003, 0.02, 0.1, 0.5, 1];
