import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import type { StorePath } from "../../core/ports.ts";
import type { LayerPlan, PlannedBundle } from "../../worker/layer-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import { parsePopularity } from "../../worker/popularity.ts";
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
      plan: { bundles: shuffled(bundles.bundles, random).map(turned) },
      popularity,
    });
    expect(again).toEqual(layers);
  }

  function turned({ parts, names, ...bundle }: PlannedBundle): PlannedBundle {
    const again = parts?.map((part) => ({ ...part, names: shuffled(part.names, random) }));
    return { ...bundle, names, ...(again && { parts: shuffled(again, random) }) };
  }
});

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

function randomPlan(random: () => number): LayerPlan {
  const bundles = Array.from({ length: 40 }, (_, index) => {
    const names = [`p${index * 2}`, `p${index * 2 + 80}`];
    const share = Math.ceil(random() * 10) / 10;
    const parts = [
      { share: share / 2, names },
      { share: share / 4, names: names.slice(1) },
    ];
    return { share, names, ...(index % 3 > 0 && { parts }) };
  });
  const seen = new Set<string>();
  return {
    bundles: bundles.filter(({ names }) => {
      const isNew = names.every((name) => !seen.has(name));
      for (const name of names) seen.add(name);
      return isNew;
    }),
  };
}
