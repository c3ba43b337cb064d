import { compareBytes } from "../../core/bytewise.ts";
import { dominatorsOf } from "../../worker/dominators.ts";
import { withRoot, type Edges } from "../../worker/graph.ts";
import type { BenchImage, PackageGraph } from "./layer-data.ts";
import type { GroupedImage } from "./layer-measures.ts";

// What others group by, implemented from their descriptions. None of it is used by firn.

/** Each path alone, whatever the budget: nothing is stored or fetched twice, which makes it the lower bound. */
export function onePathALayer({ nodes }: BenchImage): GroupedImage {
  return nodes.map((node) => [node]);
}

export function oneLayer({ nodes }: BenchImage): GroupedImage {
  return [nodes];
}

/**
 * Nixery: the dominator tree of the closure, in which the image also refers to what is popular (its count of direct
 * references within the package set is known) or large; each subtree right below the image is a group, rated by
 * popularity times closure size of its topmost path; over budget, the lowest rated are one layer. Most rated first.
 */
export function nixery(graph: PackageGraph, image: BenchImage, budget: number): GroupedImage {
  const local = new Map(image.nodes.map((node, index) => [node, index]));
  const apart = image.nodes.filter(
    (node) => (graph.directUsers[node] ?? 0) >= 10 || (graph.sizes[node] ?? 0) >= 100e6,
  );
  const below = [...image.roots, ...apart].map((node) => local.get(node) ?? 0);
  const count = image.nodes.length;
  const { immediate, order } = dominatorsOf(withRoot(edgesOf(graph, image, local), below), count);
  const tops = new Int32Array(count);
  const groups = new Map<number, number[]>();
  for (const node of order) {
    if (node === count) continue;
    const above = immediate[node] ?? count;
    const top = above === count ? node : (tops[above] ?? node);
    tops[node] = top;
    const group = groups.get(top) ?? [];
    groups.set(top, [...group, image.nodes[node] ?? 0]);
  }
  const rated = [...groups].map(([top, nodes]) => {
    const node = image.nodes[top] ?? 0;
    const rating = (graph.popularity[node] ?? 0) * (graph.closureSizes[node] ?? 0);
    return { nodes: ascending(nodes), rating, name: graph.names[node] ?? "" };
  });
  return withinBudget(
    rated
      .sort((a, b) => b.rating - a.rating || compareBytes(a.name, b.name))
      .map(({ nodes }) => nodes),
    budget,
  );
}

/**
 * nixpkgs' popularity contest: within the image, each path counts for itself and hands its count down to all that it
 * refers to, along every way (so that what is deep and referred to by many counts most). The most popular alone, the
 * rest together.
 */
export function popularityContest(
  graph: PackageGraph,
  image: BenchImage,
  budget: number,
): GroupedImage {
  const counts = new Map(image.nodes.map((node) => [node, 1]));
  for (const node of topDown(graph, image)) {
    for (const next of graph.references[node] ?? []) {
      counts.set(next, (counts.get(next) ?? 1) + (counts.get(node) ?? 1));
    }
  }
  const order = image.nodes.toSorted(
    (a, b) =>
      (counts.get(b) ?? 0) - (counts.get(a) ?? 0) ||
      compareBytes(graph.names[a] ?? "", graph.names[b] ?? ""),
  );
  return withinBudget(
    order.map((node) => [node]),
    budget,
  );
}

function withinBudget(groups: readonly (readonly number[])[], budget: number): GroupedImage {
  if (groups.length <= budget) return groups;
  return [...groups.slice(0, budget - 1), ascending(groups.slice(budget - 1).flat())];
}

function ascending(nodes: readonly number[]): readonly number[] {
  return nodes.toSorted((a, b) => a - b);
}

// Each node before what it refers to; the graph has no circles.
function topDown(graph: PackageGraph, image: BenchImage): readonly number[] {
  const waiting = new Map(image.nodes.map((node) => [node, 0]));
  for (const node of image.nodes) {
    for (const next of graph.references[node] ?? [])
      waiting.set(next, (waiting.get(next) ?? 0) + 1);
  }
  const order = image.nodes.filter((node) => waiting.get(node) === 0);
  for (const node of order) {
    for (const next of graph.references[node] ?? []) {
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) order.push(next);
    }
  }
  return order;
}

function edgesOf(
  graph: PackageGraph,
  image: BenchImage,
  local: ReadonlyMap<number, number>,
): Edges {
  const targets: number[] = [];
  const offsets = new Uint32Array(image.nodes.length + 1);
  for (const [index, node] of image.nodes.entries()) {
    for (const next of graph.references[node] ?? []) targets.push(local.get(next) ?? 0);
    offsets[index + 1] = targets.length;
  }
  return { offsets, targets: Uint32Array.from(targets) };
}
