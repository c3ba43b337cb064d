import { compareBytes } from "../core/bytewise.ts";
import type { StorePath } from "../core/ports.ts";
import { referenceGraph, type ReferenceGraph } from "./graph.ts";
import { inOrder } from "./layer-order.ts";
import { type LayerPlan, mainVersions, planName } from "./layer-plan.ts";
import type { Layer, LayerOptions } from "./layers.ts";
import { knownOf, type Popularity } from "./popularity.ts";

export interface PlanOptions extends LayerOptions {
  readonly plan: LayerPlan;
}

interface Item {
  readonly nodes: readonly number[];
  readonly name: string;
  readonly share: number;
  readonly size: number;
  /** Bytes that a layer of its own is expected to save. */
  readonly value: number;
}

// How many images a registry holds and a client pulls, and what a byte fetched weighs against one stored.
const [stored, pulls, fetched] = [300, 10, 0.6];
// The chance that the rest of an image changes while a layer does not, and would be stored and fetched again with it.
const apart = 0.2;
// Bytes that a layer of its own has to save.
const worthALayer = 22_000;
// Of what a plan does not know few images have anything: each package that needs it adds so much, up to a limit.
const [sharePerDependant, rare] = [3.5e-5, 0.003];

// Where layers are not that few, what finds no layer of its own is in two: what refers to so many paths at most, and the rest.
const [enoughForTwoTops, littleNeeded] = [12, 3];

/**
 * Groups a closure into at most `budget` layers as a plan says, lowest layer first; each path is in exactly one.
 * What the plan has together is one layer, of what the image has of it. What it does not know is judged by popularity.
 * What is worth no layer of its own, or finds none within the budget, is at the top: one layer, or two if it is much.
 */
export function groupByPlan(
  closure: readonly StorePath[],
  roots: readonly string[],
  { budget, plan, popularity }: PlanOptions,
): readonly Layer[] {
  if (!Number.isInteger(budget) || budget < 1) throw new Error(`${budget} is no number of layers`);
  const graph = referenceGraph(closure);
  for (const root of roots) graph.nodeOf(root);
  const { items, small } = itemsOf(graph, plan, popularity);
  items.sort((a, b) => b.value - a.value || compareBytes(a.name, b.name));
  const isOver = items.length > budget || (items.length === budget && small.length > 0);
  const tops = !isOver && small.length === 0 ? 0 : isOver && budget >= enoughForTwoTops ? 2 : 1;
  const alone = items.slice(0, budget - tops);
  const rest = [...items.slice(budget - tops).flatMap(({ nodes }) => nodes), ...small];
  alone.sort((a, b) => b.share - a.share || compareBytes(a.name, b.name));
  const layers = inOrder(alone, graph).map(({ nodes }) => nodes);
  const top = tops === 2 ? byChange(rest, graph) : [rest];
  return [...layers, ...top.filter(({ length }) => length > 0)].map((nodes) =>
    layerOf(nodes, graph),
  );
}

// What needs little is seldom rebuilt because something that it needs is, so that it need not be stored again then.
function byChange(nodes: readonly number[], { references: { offsets } }: ReferenceGraph) {
  const needsLittle = (node: number) =>
    (offsets[node + 1] ?? 0) - (offsets[node] ?? 0) <= littleNeeded;
  return [nodes.filter(needsLittle), nodes.filter((node) => !needsLittle(node))];
}

interface Items {
  readonly items: Item[];
  /** Nodes that are worth no layer. */
  readonly small: readonly number[];
}

function itemsOf(graph: ReferenceGraph, plan: LayerPlan, popularity: Popularity): Items {
  const bundles = bundlesByName(plan);
  const names = graph.paths.map(({ path }) => planName(path));
  const main = mainVersions(graph, names);
  const planned = new Map<number, { nodes: number[]; size: number }>();
  const items: Item[] = [];
  const small: number[] = [];
  const keep = (item: Omit<Item, "value">) => {
    const value = item.size * saving(item.share);
    if (value < worthALayer) small.push(...item.nodes);
    else items.push({ ...item, value });
  };
  for (const [node, { path, size }] of graph.paths.entries()) {
    const name = names[node] ?? "";
    const index = main.get(name) === node ? bundles.get(name) : undefined;
    if (index !== undefined) {
      const known = planned.get(index) ?? { nodes: [], size: 0 };
      known.nodes.push(node);
      known.size += size;
      planned.set(index, known);
    } else if (size * mostSaving < worthALayer) {
      small.push(node);
    } else {
      const dependants = knownOf(popularity, path)?.popularity ?? 1;
      const share = Math.min(rare, sharePerDependant * dependants);
      keep({ nodes: [node], name: `${name} ${path}`, share, size });
    }
  }
  for (const [index, { nodes, size }] of planned) {
    const { share = 0, names: [name = ""] = [] } = plan.bundles[index] ?? {};
    keep({ nodes, name, share, size });
  }
  return { items, small };
}

const indices = new WeakMap<LayerPlan, ReadonlyMap<string, number>>();

// Looked up for every image, and plans are long.
function bundlesByName(plan: LayerPlan): ReadonlyMap<string, number> {
  const known = indices.get(plan);
  if (known !== undefined) return known;
  const index = new Map(
    plan.bundles.flatMap(({ names }, i) => names.map((name) => [name, i] as const)),
  );
  indices.set(plan, index);
  return index;
}

// What a layer saves for each byte in it: others have it stored already, and clients have fetched it.
function saving(share: number): number {
  return 1 - Math.exp(-stored * share) + fetched * (1 - Math.exp(-pulls * share)) + apart;
}

// The same, of what the plan does not know, at the most.
const mostSaving = saving(rare);

function layerOf(nodes: readonly number[], { paths }: ReferenceGraph): Layer {
  // Nodes are numbered in the order of their paths.
  const members = Int32Array.from(nodes).sort();
  const layer = { paths: [] as string[], size: 0 };
  for (const node of members) {
    const { path = "", size = 0 } = paths[node] ?? {};
    layer.paths.push(path);
    layer.size += size;
  }
  return layer;
}
