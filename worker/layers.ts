import { compareBytes } from "../core/bytewise.ts";
import type { StorePath } from "../core/ports.ts";
import { dominatorsOf, unreachable } from "./dominators.ts";
import { referenceGraph, type ReferenceGraph, withRoot } from "./graph.ts";
import { highest } from "./highest.ts";
import { knownOf, type Popularity, storePathName } from "./popularity.ts";

// Which store paths travel together.
//
// Images share layers, not store paths: a layer serves a second image only if that image has all of
// it. So a layer should hold what always comes together, and what many images have should not be
// tied to what few have. The reference graph of the closure knows the first, popularity the second.
//
// Take two requested packages, A and B, and what they refer to, from left to right:
//
//     image ──┬── A ──┬── C ──── D
//             │       │
//             │       └─────┐
//             │             ├─── E ──── F
//             └── B ──┬─────┘
//                     │
//                     └── G ──── H
//
// In its dominator tree a path hangs under the last one that every way from the image to it passes.
// E is wanted by A and by B, so only the image itself is above it:
//
//     image ──┬── A ──── C ──── D
//             ├── B ──── G ──── H
//             └── E ──── F
//
// The subtrees right below the image are the groups: nothing outside a group refers into the middle
// of it, so its paths are here for one reason. Say that H is popular (a library that half of all
// packages use) or large: other images have it without G and B. A reference from the image to H
// makes it a group of its own:
//
//     image ──┬── A ──── C ──── D              {A, C, D}   {B, G}   {E, F}   {H}
//             ├── B ──── G
//             ├── E ──── F
//             └── H
//
// Each group is rated: the popularity of its topmost path times the size of the group in bytes,
// which is what sharing it saves. If there are more groups than the budget allows, the lowest rated
// are merged into one layer until there are not. (Rating by the closure's size, as Nixery does,
// keeps small paths with large closures alone and stored a tenth more over 300 images.)
//
// The most popular group is the lowest layer, so that images which share much share an unbroken run
// from the bottom, and the merged one, which hardly any other image has, is the top.
//
// Every choice rests on popularity, size and bytes of names, none on the order of the input.

/** What travels together. */
export interface Layer {
  /** Store paths, sorted bytewise. */
  readonly paths: readonly string[];
  /** In bytes, as Nix counts it (NAR); what the tar takes is a little more. */
  readonly size: number;
}

export interface LayerOptions {
  /** The most layers there may be; at least 1. */
  readonly budget: number;
  readonly popularity: Popularity;
}

interface Group {
  /** The topmost node. */
  readonly top: number;
  readonly popularity: number;
  /** Its rating. */
  readonly value: number;
}

// A path that so many packages of the set use directly is wanted without the packages above it.
const popularFrom = 10;
// One of this many bytes is worth a layer whoever wants it. Where nothing is known of popularity, size
// has to say more: with 20 MB there as well, 300 images stored twice as much as with 100 kB.
const largeFrom = { withFile: 20_000_000, withoutFile: 100_000 };

/**
 * Groups a closure into at most `budget` layers, lowest layer first; each path is in exactly one.
 * `roots` are the requested paths. The same closure gives the same layers, in whatever order it came.
 */
export function groupLayers(
  closure: readonly StorePath[],
  roots: readonly string[],
  { budget, popularity }: LayerOptions,
): readonly Layer[] {
  if (!Number.isInteger(budget) || budget < 1) throw new Error(`${budget} is no number of layers`);
  const graph = referenceGraph(closure);
  const ratings = rate(graph, popularity);
  const tops = topsOf(graph, [...roots.map(graph.nodeOf), ...ratings.apart]);
  const groups = groupsOf(tops, ratings);
  const compareTops = (a: Group, b: Group) => compareNodes(graph, a.top, b.top);
  const kept = highest(groups, groups.length > budget ? budget - 1 : budget, compareTops);
  kept.sort((a, b) => b.popularity - a.popularity || compareTops(a, b));
  return layersOf(graph, tops, kept);
}

interface Ratings {
  readonly popularity: Float64Array;
  readonly cost: Float64Array;
  /** The popular and the large: nodes that get a group of their own. */
  readonly apart: readonly number[];
}

function rate(graph: ReferenceGraph, popularity: Popularity): Ratings {
  const popularities = new Float64Array(graph.paths.length);
  const costs = new Float64Array(graph.paths.length);
  const apart: number[] = [];
  const large = popularity.size === 0 ? largeFrom.withoutFile : largeFrom.withFile;
  for (const node of graph.listed) {
    const known = knownOf(popularity, graph.paths[node] ?? "");
    // Without a file, what is wanted here stands for what is wanted anywhere. With one, what is not in it is rare.
    const here = popularity.size === 0 ? Math.max(1, graph.referrers[node] ?? 0) : 1;
    const cost = known?.cost ?? graph.sizes[node] ?? 0;
    popularities[node] = known?.popularity ?? here;
    costs[node] = cost;
    if ((known?.popularity ?? 0) >= popularFrom || cost >= large) apart.push(node);
  }
  return { popularity: popularities, cost: costs, apart };
}

// The node right below the image, in the dominator tree, that each node hangs under.
function topsOf(graph: ReferenceGraph, below: readonly number[]): Int32Array {
  const image = graph.paths.length;
  const { immediate, order } = dominatorsOf(withRoot(graph.references, below), image);
  const tops = new Int32Array(image);
  for (const node of order) {
    if (node === image) continue;
    const above = immediate[node] ?? image;
    tops[node] = above === image ? node : (tops[above] ?? node);
  }
  // A path that no root needs is in the closure all the same, so it has to be in a layer.
  for (let node = 0; node < image; node++) {
    if (immediate[node] === unreachable) tops[node] = node;
  }
  return tops;
}

function groupsOf(tops: Int32Array, ratings: Ratings): readonly Group[] {
  const costs = new Float64Array(tops.length);
  for (let node = 0; node < tops.length; node++) {
    const top = tops[node] ?? 0;
    costs[top] = (costs[top] ?? 0) + (ratings.cost[node] ?? 0);
  }
  const groups: Group[] = [];
  for (let top = 0; top < tops.length; top++) {
    if (tops[top] !== top) continue;
    const popularity = ratings.popularity[top] ?? 0;
    groups.push({ top, popularity, value: popularity * (costs[top] ?? 0) });
  }
  return groups;
}

// A layer for each group that is kept, and one above them for all others. Nodes are numbered in the order of paths.
function layersOf(graph: ReferenceGraph, tops: Int32Array, kept: readonly Group[]): Layer[] {
  const layers = Array.from({ length: kept.length + 1 }, () => ({
    paths: [] as string[],
    size: 0,
  }));
  const layerOf = new Int32Array(tops.length).fill(kept.length);
  for (const [index, { top }] of kept.entries()) layerOf[top] = index;
  for (let node = 0; node < tops.length; node++) {
    const layer = layers[layerOf[tops[node] ?? 0] ?? 0];
    if (layer === undefined) continue;
    layer.paths.push(graph.paths[node] ?? "");
    layer.size += graph.sizes[node] ?? 0;
  }
  return layers.filter(({ paths }) => paths.length > 0);
}

// By name before path: the hash changes with each version, the name less often, and order is worth as much as grouping.
function compareNodes({ paths }: ReferenceGraph, a: number, b: number): number {
  const [left = "", right = ""] = [paths[a], paths[b]];
  return compareBytes(storePathName(left), storePathName(right)) || compareBytes(left, right);
}
