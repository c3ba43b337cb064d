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
  readonly nodes: number[];
  readonly name: string;
  readonly share: number;
  size: number;
}

// How many images a registry holds and a client pulls, and what a byte fetched weighs against one stored.
const [stored, pulls, fetched] = [300, 10, 0.6];
// The chance that the rest of an image changes while a layer does not, and would be stored and fetched again with it.
const apart = 0.2;
// Bytes that a layer of its own has to save.
const worthALayer = 26_000;
// Of what a plan does not know few images have anything: each package that needs it adds so much, up to a limit.
const [sharePerDependant, rare] = [3.5e-5, 0.003];

/**
 * Groups a closure into at most `budget` layers as a plan says, lowest layer first; each path is in exactly one.
 * What the plan has together is one layer, of what the image has of it. What it does not know is judged by popularity.
 * What is worth no layer of its own, or finds none within the budget, is the top layer.
 */
export function groupByPlan(
  closure: readonly StorePath[],
  roots: readonly string[],
  { budget, plan, popularity }: PlanOptions,
): readonly Layer[] {
  if (!Number.isInteger(budget) || budget < 1) throw new Error(`${budget} is no number of layers`);
  const graph = referenceGraph(closure);
  for (const root of roots) graph.nodeOf(root);
  const items = itemsOf(graph, plan, popularity)
    .map((item) => ({ item, value: item.size * saving(item.share) }))
    .sort((a, b) => b.value - a.value || compareBytes(a.item.name, b.item.name));
  let kept = items.findIndex(({ value }) => value < worthALayer);
  if (kept === -1) kept = items.length;
  if (kept > budget || (kept < items.length && kept === budget)) kept = budget - 1;
  const alone = items.slice(0, kept).map(({ item }) => item);
  alone.sort((a, b) => b.share - a.share || compareBytes(a.name, b.name));
  const layers = inOrder(alone, graph).map(({ nodes }) => layerOf(nodes, graph));
  const rest = items.slice(kept).flatMap(({ item }) => item.nodes);
  return rest.length === 0 ? layers : [...layers, layerOf(rest, graph)];
}

function itemsOf(graph: ReferenceGraph, plan: LayerPlan, popularity: Popularity): Item[] {
  const bundles = bundlesByName(plan);
  const names = graph.paths.map(({ path }) => planName(path));
  const main = mainVersions(graph, names);
  const items = new Map<number, Item>();
  const single: Item[] = [];
  for (const [node, { path, size }] of graph.paths.entries()) {
    const name = names[node] ?? "";
    const index = main.get(name) === node ? bundles.get(name) : undefined;
    if (index === undefined) {
      const dependants = knownOf(popularity, path)?.popularity ?? 1;
      const share = Math.min(rare, sharePerDependant * dependants);
      single.push({ nodes: [node], name: `${name} ${path}`, share, size });
      continue;
    }
    const item = items.get(index);
    if (item === undefined) {
      const { share = 0, names: [first = ""] = [] } = plan.bundles[index] ?? {};
      items.set(index, { nodes: [node], name: first, share, size });
    } else {
      item.nodes.push(node);
      item.size += size;
    }
  }
  return [...items.values(), ...single];
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

function layerOf(nodes: readonly number[], { paths }: ReferenceGraph): Layer {
  const members = nodes.flatMap((node) => paths[node] ?? []);
  return {
    paths: members.map(({ path }) => path).sort(compareBytes),
    size: members.reduce((sum, { size }) => sum + size, 0),
  };
}
