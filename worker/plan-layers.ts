import { compareBytes } from "../core/bytewise.ts";
import type { StorePath } from "../core/ports.ts";
import { referenceGraph, type ReferenceGraph } from "./graph.ts";
import { highest } from "./highest.ts";
import { inOrder } from "./layer-order.ts";
import { type LayerPlan, nameAndVersion, planName } from "./layer-plan.ts";
import type { Layer, LayerOptions } from "./layers.ts";
import type { Item } from "./plan-item.ts";
import { itemsOf } from "./plan-items.ts";
import { splitByChange } from "./split-by-change.ts";

export interface PlanOptions extends LayerOptions {
  readonly plan: LayerPlan;
}

// Where layers are not that few, what finds no layer of its own is in several: budgets from which there is one more.
const budgetsForTops = [12, 60];

/**
 * Groups a closure into at most `budget` layers as a plan says, lowest layer first; each path is in exactly one.
 * What the plan has together is one layer, of what the image has of it, or a few where more images have parts of
 * that. What it does not know is judged by popularity.
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
  const most = 1 + budgetsForTops.filter((from) => budget >= from).length;
  const items = itemsOf(graph, { budget, tops: most, plan, popularity });
  const byName = (a: Item, b: Item) => compareBytes(itemName(a, graph), itemName(b, graph));
  let tops = topsOf(items, graph, { budget, most });
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
function topsOf(
  items: readonly Item[],
  graph: ReferenceGraph,
  { budget, most }: { readonly budget: number; readonly most: number },
): number {
  const others = hasOthers(items, graph);
  const isOver = items.length > budget || (items.length === budget && others);
  if (isOver) return most;
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

// By name before path, and by version before hash: that changes with each rebuild.
function itemName({ bundle, nodes: [node = 0] }: Item, { paths }: ReferenceGraph): string {
  const path = paths[node] ?? "";
  return bundle === undefined
    ? `${nameAndVersion(path)} ${path}`
    : `${bundle.name} ${planName(path)}`;
}

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
