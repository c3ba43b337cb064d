import { divided } from "./divide-item.ts";
import type { ReferenceGraph } from "./graph.ts";
import { isMainBeside, type LayerPlan, planName } from "./layer-plan.ts";
import { type Item, itemOf, saving, worthALayer } from "./plan-item.ts";
import { type IndexedBundle, indexOfPlan, type PlanIndex } from "./plan-index.ts";
import { knownOf, type Popularity } from "./popularity.ts";

export interface ItemOptions {
  readonly budget: number;
  /** Layers that go to what finds none of its own, where there are more items than layers. */
  readonly tops: number;
  readonly plan: LayerPlan;
  readonly popularity: Popularity;
}

// Of what a plan does not know few images have anything: each package that needs it adds so much, up to a limit.
const [sharePerDependant, rare] = [3.5e-5, 0.003];

/** What of an image is worth a layer; if more is than the budget allows, what has a chance to get one. */
export function itemsOf(
  graph: ReferenceGraph,
  { budget, tops, plan, popularity }: ItemOptions,
): readonly Item[] {
  const { sizes, paths } = graph;
  const { named, unplanned } = placed(graph, indexOfPlan(plan));
  // A layer is shared with those that have the same part: of something that all have in parts of their own nothing is.
  const planned = named.map((each) => itemOf(each, each.bundle?.shareOf(each.ids) ?? 0, sizes));
  const least = planned.filter(isWorthALayer).map(({ value }) => value);
  for (const node of unplanned) {
    const value = (sizes[node] ?? 0) * leastSaving;
    if (value > worthALayer) least.push(value);
  }
  const descending = Float64Array.from(least).sort().toReversed();
  // So much of value is there more often than there are layers, whatever popularity says. Less need not be looked up.
  const inReach = Math.max(worthALayer, descending[budget] ?? 0);
  // One layer more takes the place of the last that there is, if all are taken.
  const price = Math.max(worthALayer, descending[Math.max(1, budget - tops) - 1] ?? 0);
  const items = planned.flatMap((item) => divided(item, { sizes, price })).filter(isWorthALayer);
  for (const node of unplanned) {
    if ((sizes[node] ?? 0) * mostSaving < inReach) continue;
    const dependants = knownOf(popularity, paths[node] ?? "")?.popularity ?? 1;
    const item = itemOf(
      { bundle: undefined, nodes: [node], ids: [] },
      Math.min(rare, sharePerDependant * dependants),
      sizes,
    );
    if (isWorthALayer(item)) items.push(item);
  }
  return items;
}

// The paths that the plan has names for, by bundle, and those that it does not know.
function placed(graph: ReferenceGraph, { ids, bundleOf, bundles }: PlanIndex) {
  const main = new Int32Array(bundleOf.length).fill(-1);
  const unplanned: number[] = [];
  for (const node of graph.listed) {
    const id = ids.get(planName(graph.paths[node] ?? ""));
    if (id === undefined) {
      unplanned.push(node);
      continue;
    }
    const other = main[id] ?? -1;
    if (other === -1) main[id] = node;
    else if (isMainBeside(graph, node, other)) {
      unplanned.push(other);
      main[id] = node;
    } else unplanned.push(node);
  }
  const named: { bundle: IndexedBundle | undefined; nodes: number[]; ids: number[] }[] = [];
  for (let id = 0; id < main.length; id++) {
    const node = main[id] ?? -1;
    if (node === -1) continue;
    const place = bundleOf[id] ?? 0;
    const having = (named[place] ??= { bundle: bundles[place], nodes: [], ids: [] });
    having.nodes.push(node);
    having.ids.push(id);
  }
  return { named: named.filter(Boolean), unplanned };
}

function isWorthALayer({ value }: Item): boolean {
  return value >= worthALayer;
}

// What layers save of what the plan does not know: between these.
const [leastSaving, mostSaving] = [saving(0), saving(rare)];
