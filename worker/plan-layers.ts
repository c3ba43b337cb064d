import { compareBytes } from "../core/bytewise.ts";
import type { StorePath } from "../core/ports.ts";
import { referenceGraph, type ReferenceGraph } from "./graph.ts";
import { highest } from "./highest.ts";
import { inOrder } from "./layer-order.ts";
import { type LayerPlan, isMainBeside, nameAndVersion, planName } from "./layer-plan.ts";
import type { Layer, LayerOptions } from "./layers.ts";
import { knownOf } from "./popularity.ts";
import { splitByChange } from "./split-by-change.ts";

export interface PlanOptions extends LayerOptions {
  readonly plan: LayerPlan;
}

interface Item {
  readonly nodes: number[];
  /** Its bundle in the plan; undefined for a path that is not planned. */
  readonly bundle: number | undefined;
  /** The `partKeys` of the names of the bundle that the image has, one after another. */
  part: string;
  /** Share of all images that are expected to have just this, not more and not less of the bundle. */
  share: number;
  size: number;
  /** Bytes that a layer of its own is expected to save. */
  value: number;
}

// How many images a registry holds and a client pulls, and what a byte fetched weighs against one stored.
const [stored, pulls, fetched] = [300, 10, 1];
// The chance that the rest of an image changes while a layer does not, and would be stored and fetched again with it.
const apart = 0.15;
// Bytes that a layer of its own has to save.
const worthALayer = 22_000;
// Of what a plan does not know few images have anything: each package that needs it adds so much, up to a limit.
const [sharePerDependant, rare] = [3.5e-5, 0.003];

// Where layers are not that few, what finds no layer of its own is in several: budgets from which there is one more.
const budgetsForTops = [12, 60];

/**
 * Groups a closure into at most `budget` layers as a plan says, lowest layer first; each path is in exactly one.
 * What the plan has together is one layer, of what the image has of it. What it does not know is judged by popularity.
 * What is worth no layer of its own, or finds none within the budget, is at the top: in one layer or, where layers run
 * out, in several by what changes them.
 */
export function groupByPlan(
  closure: readonly StorePath[],
  roots: readonly string[],
  { budget, plan, popularity }: PlanOptions,
): readonly Layer[] {
  if (!Number.isInteger(budget) || budget < 1) throw new Error(`${budget} is no number of layers`);
  const graph = referenceGraph(closure);
  for (const root of roots) graph.nodeOf(root);
  const items = itemsOf(graph, { budget, plan, popularity });
  const nameOf = (item: Item) => itemName(item, graph, plan);
  const byName = (a: Item, b: Item) => compareBytes(nameOf(a), nameOf(b));
  let tops = topsOf(items, graph, budget);
  let alone: Item[];
  let top: readonly (readonly number[])[];
  for (;;) {
    alone = highest(items, budget - tops, byName);
    const rest = othersThan(alone, graph);
    top = tops > 1 ? splitByChange(rest, graph, tops) : tops === 1 ? [rest] : [];
    // What is all alike stays together, and leaves its layers to others.
    if (top.length === tops) break;
    tops = top.length;
  }
  alone.sort((a, b) => b.share - a.share || byName(a, b));
  const layers = inOrder(alone, graph).map(({ nodes }) => nodes);
  return [...layers, ...top].map((nodes) => layerOf(nodes, graph));
}

// How many layers there are for what finds none of its own.
function topsOf(items: readonly Item[], graph: ReferenceGraph, budget: number): number {
  const others = hasOthers(items, graph);
  const isOver = items.length > budget || (items.length === budget && others);
  if (isOver) return 1 + budgetsForTops.filter((from) => budget >= from).length;
  return others ? 1 : 0;
}

function hasOthers(items: readonly Item[], { paths }: ReferenceGraph): boolean {
  return items.reduce((count, { nodes }) => count + nodes.length, 0) < paths.length;
}

// What is worth no layer, or found none; ascending.
function othersThan(items: readonly Item[], { paths }: ReferenceGraph): number[] {
  const isPlaced = new Uint8Array(paths.length);
  for (const { nodes } of items) for (const node of nodes) isPlaced[node] = 1;
  const others: number[] = [];
  for (let node = 0; node < paths.length; node++) if (isPlaced[node] === 0) others.push(node);
  return others;
}

// What is worth a layer; if more is than the budget allows, what has a chance to get one.
function itemsOf(graph: ReferenceGraph, { budget, plan, popularity }: PlanOptions): Item[] {
  const index = indexOf(plan);
  const { bundles, unplanned } = placed(graph, index);
  const sizes = graph.sizes;
  const items: Item[] = [];
  for (const item of bundles) {
    if (item === undefined) continue;
    item.share = shareOf(item, plan, index);
    for (const node of item.nodes) item.size += sizes[node] ?? 0;
    keep(item);
  }
  const least = items.map(({ value }) => value);
  for (const node of unplanned) {
    const value = (sizes[node] ?? 0) * leastSaving;
    if (value > worthALayer) least.push(value);
  }
  const ascending = Float64Array.from(least).sort();
  // So much of value is there more often than there are layers, whatever popularity says. Less need not be looked up.
  const inReach = Math.max(worthALayer, ascending[ascending.length - budget - 1] ?? 0);
  for (const node of unplanned) {
    const size = sizes[node] ?? 0;
    if (size * mostSaving < inReach) continue;
    const dependants = knownOf(popularity, graph.paths[node] ?? "")?.popularity ?? 1;
    const share = Math.min(rare, sharePerDependant * dependants);
    keep({ nodes: [node], bundle: undefined, part: "", share, size, value: 0 });
  }
  return items;

  function keep(item: Item): void {
    item.value = item.size * saving(item.share);
    if (item.value >= worthALayer) items.push(item);
  }
}

function placed(graph: ReferenceGraph, { ids, bundleOf, partKeys }: PlanIndex) {
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
  const bundles: (Item | undefined)[] = [];
  for (let id = 0; id < main.length; id++) {
    const node = main[id] ?? -1;
    if (node === -1) continue;
    const bundle = bundleOf[id] ?? 0;
    const item = (bundles[bundle] ??= emptyItem(bundle));
    item.nodes.push(node);
    item.part += partKeys[id] ?? "";
  }
  return { bundles, unplanned };
}

function emptyItem(bundle: number): Item {
  return { nodes: [], bundle, part: "", share: 0, size: 0, value: 0 };
}

// A layer is shared with those that have the same part: of something that all have in parts of their own nothing is.
function shareOf({ bundle = 0, part }: Item, plan: LayerPlan, { partShares }: PlanIndex): number {
  const planned = plan.bundles[bundle];
  if (planned?.parts === undefined) return planned?.share ?? 0;
  return partShares[bundle]?.get(part) ?? 0;
}

interface PlanIndex {
  /** Numbers the names. */
  readonly ids: ReadonlyMap<string, number>;
  /** The bundle that each of these names is in. */
  readonly bundleOf: Int32Array;
  /** What stands for each name in a part; nothing where no parts are known. */
  readonly partKeys: readonly string[];
  /** For each bundle the shares of its parts, by the keys of their names, in the order of their numbers. */
  readonly partShares: readonly ReadonlyMap<string, number>[];
}

const indices = new WeakMap<LayerPlan, PlanIndex>();

// Looked up for every image, and plans are long.
function indexOf(plan: LayerPlan): PlanIndex {
  const known = indices.get(plan);
  if (known !== undefined) return known;
  const ids = new Map<string, number>();
  const bundleOf: number[] = [];
  for (const [bundle, { names }] of plan.bundles.entries()) {
    for (const name of names) {
      ids.set(name, bundleOf.length);
      bundleOf.push(bundle);
    }
  }
  const partKeys = bundleOf.map((bundle, id) =>
    plan.bundles[bundle]?.parts === undefined ? "" : `${id} `,
  );
  const keyOf = (names: readonly string[]) => {
    const numbers = names.map((name) => ids.get(name) ?? -1).sort((a, b) => a - b);
    return numbers.map((id) => partKeys[id]).join("");
  };
  const partShares = plan.bundles.map(
    ({ parts = [] }) => new Map(parts.map(({ share, names }) => [keyOf(names), share])),
  );
  const index = { ids, bundleOf: Int32Array.from(bundleOf), partKeys, partShares };
  indices.set(plan, index);
  return index;
}

// By name before path, and by version before hash: that changes with each rebuild.
function itemName({ bundle, nodes: [node = 0] }: Item, { paths }: ReferenceGraph, plan: LayerPlan) {
  const path = paths[node] ?? "";
  return bundle === undefined
    ? `${nameAndVersion(path)} ${path}`
    : (plan.bundles[bundle]?.names[0] ?? "");
}

// What a layer saves for each byte in it: others have it stored already, and clients have fetched it.
function saving(share: number): number {
  return 1 - Math.exp(-stored * share) + fetched * (1 - Math.exp(-pulls * share)) + apart;
}

// The same, of what the plan does not know: between these.
const [leastSaving, mostSaving] = [saving(0), saving(rare)];

function layerOf(nodes: readonly number[], { paths, sizes }: ReferenceGraph): Layer {
  // Nodes are numbered in the order of their paths.
  const members = Int32Array.from(nodes).sort();
  const layer = { paths: [] as string[], size: 0 };
  for (const node of members) {
    layer.paths.push(paths[node] ?? "");
    layer.size += sizes[node] ?? 0;
  }
  return layer;
}
