import { randomFrom } from "../../worker/random.ts";
import { type BenchImage, type PackageGraph } from "./layer-data.ts";

/** The layers of one image, lowest first: the nodes in each, ascending. */
export type GroupedImage = readonly (readonly number[])[];

/** What a grouping of all images of a workload costs, in bytes; read as ratios to those of one layer a path. */
export interface Measures {
  /** Of all distinct layers, two being the same if they hold the same paths. */
  readonly stored: number;
  /** What a client fetches that pulls the images of its list in turn, and keeps every layer for good; the mean. */
  readonly blob: number;
  /**
   * The same for clients that reuse a layer only on top of the same layers as in an image pulled before: an unbroken
   * run from the bottom. As a ratio, to `blob` of one layer a path.
   */
  readonly prefix: number;
  /** What a client fetches again that has every image, when a package changes: all layers with a changed path, in each image; the sum over all changes. */
  readonly bumpClient: number;
  /** What the registry stores anew when a package changes: all distinct layers with a changed path; the sum over all changes. */
  readonly bumpRegistry: number;
  /** Layers an image, the mean. */
  readonly layers: number;
}

export interface Measuring {
  readonly graph: PackageGraph;
  readonly clients: readonly (readonly number[])[];
  readonly bumps: readonly Bump[];
}

/** A package, and everything that changes with it because it depends on it. */
export interface Bump {
  readonly node: number;
  readonly changed: Uint8Array;
}

/** 200 clients that pull 10 images each, one after another; an image may come twice. */
export function drawClients(images: number, seed = 1): readonly (readonly number[])[] {
  const random = randomFrom(seed);
  return Array.from({ length: 200 }, () =>
    Array.from({ length: 10 }, () => Math.floor(random() * images)),
  );
}

/** Everything that has one of `nodes` in its closure, and they themselves. */
function dependantsOf(graph: PackageGraph, node: number): Uint8Array {
  const referrers = referrersOf(graph);
  const changed = new Uint8Array(graph.names.length);
  const stack = [node];
  changed[node] = 1;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    for (const above of referrers[next] ?? []) {
      if (changed[above] === 1) continue;
      changed[above] = 1;
      stack.push(above);
    }
  }
  return changed;
}

const referrersByGraph = new WeakMap<PackageGraph, readonly (readonly number[])[]>();
function referrersOf(graph: PackageGraph): readonly (readonly number[])[] {
  const known = referrersByGraph.get(graph);
  if (known !== undefined) return known;
  const referrers: number[][] = graph.names.map(() => []);
  for (const [node, references] of graph.references.entries()) {
    for (const reference of references) referrers[reference]?.push(node);
  }
  referrersByGraph.set(graph, referrers);
  return referrers;
}

// Popularity is the share of images that have the package.
const bands = [
  [0.01, 0.03],
  [0.03, 0.1],
  [0.1, 0.3],
  [0.3, 0.7],
] as const;

/**
 * Six packages of each of four popularity bands, by how many images of the workload have them. Mid-level: something
 * in the package set needs them directly, and they need something.
 */
export function drawBumps(
  graph: PackageGraph,
  images: readonly BenchImage[],
  seed = 1,
): readonly Bump[] {
  const random = randomFrom(seed);
  const counts = new Map<number, number>();
  for (const { nodes } of images) {
    for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  const referrers = referrersOf(graph);
  return bands.flatMap(([from, to]) => {
    const band = [...counts]
      .filter(([, count]) => count >= from * images.length && count < to * images.length)
      .map(([node]) => node)
      .filter(
        (node) => (referrers[node] ?? []).length > 0 && (graph.references[node] ?? []).length > 0,
      )
      .sort((a, b) => a - b);
    return Array.from({ length: Math.min(6, band.length) }, () => {
      const [node = 0] = band.splice(Math.floor(random() * band.length), 1);
      return { node, changed: dependantsOf(graph, node) };
    });
  });
}

export function measure(
  images: readonly GroupedImage[],
  { graph, clients, bumps }: Measuring,
): Measures {
  const ids = new Map<string, number>();
  const sizes: number[] = [];
  const members: (readonly number[])[] = [];
  const layered = images.map((image) =>
    image.map((nodes) => {
      const key = nodes.join();
      const known = ids.get(key);
      if (known !== undefined) return known;
      const id = sizes.length;
      ids.set(key, id);
      members.push(nodes);
      sizes.push(nodes.reduce((sum, node) => sum + (graph.sizes[node] ?? 0), 0));
      return id;
    }),
  );
  const sizeOf = (id: number) => sizes[id] ?? 0;
  const stored = sizes.reduce((sum, size) => sum + size, 0);
  let blob = 0;
  let prefix = 0;
  for (const pulls of clients) {
    const held = new Set<number>();
    const chains = new Set<string>();
    for (const pull of pulls) {
      let chain = "";
      let unbroken = true;
      for (const id of layered[pull] ?? []) {
        if (!held.has(id)) blob += sizeOf(id);
        held.add(id);
        chain += `${id},`;
        unbroken &&= chains.has(chain);
        if (!unbroken) prefix += sizeOf(id);
        chains.add(chain);
      }
    }
  }
  let bumpClient = 0;
  let bumpRegistry = 0;
  for (const { changed } of bumps) {
    const isNew = members.map((nodes) => nodes.some((member) => changed[member] === 1));
    let client = 0;
    const anew = new Set<number>();
    for (const image of layered) {
      for (const id of image) {
        if (isNew[id] !== true) continue;
        client += sizeOf(id);
        anew.add(id);
      }
    }
    bumpClient += client;
    for (const id of anew) bumpRegistry += sizeOf(id);
  }
  const layers = layered.reduce((sum, image) => sum + image.length, 0) / layered.length;
  return {
    stored,
    blob: blob / clients.length,
    prefix: prefix / clients.length,
    bumpClient,
    bumpRegistry,
    layers,
  };
}
