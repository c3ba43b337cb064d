import { compareBytes } from "../core/bytewise.ts";
import type { StorePath } from "../core/ports.ts";
import { describer } from "./describe-bundle.ts";
import { referenceGraph } from "./graph.ts";
import { type LayerPlan, mainVersions, type PlannedBundle, planName } from "./layer-plan.ts";
import { bundleOf } from "./plan-bundle.ts";
import { bundle } from "./plan-bundling.ts";
import { bundleInRounds } from "./plan-in-rounds.ts";
import { closures, sampleImages, type SampledImage } from "./plan-sample.ts";
import { knownOf, type Popularity } from "./popularity.ts";

// How a layer plan is learned.
//
// Images are sampled: as the pulled ones were, with packages that nobody asked for yet among them. They tell for each
// path which images have it, its audience. Every path starts as a bundle, and so do small ones with the same audience.
//
// To merge two bundles saves a layer in each image that has both. It costs bytes where an image has only one of them,
// or a part: that part is a layer of its own, a variant, which is stored and fetched beside the others. Both are
// expectations: a layer that a share p of all images has is stored by a registry of N images with probability
// 1 - exp(-N p), and fetched by a client that pulls n of them with 1 - exp(-n p). A layer has a price in bytes, the
// higher the more paths an image has, since large images run out of layers first; where the budget is small, the higher
// the more layers a draft of the plan gives it. The merge that loses least for what it saves comes first, until none
// pays. In effect small paths that nearly always come together are bundled, and what is large, or wanted without the
// others, stays alone.
//
// A bundle that changes drags along what did not change, so paths that need much are kept from paths that need little.
// With an earlier plan, what was together is joined first and stays until that costs twice what it saves; what was
// apart stays apart until joining saves twice what it costs. Nothing depends on hashes, versions or order of input.

export interface PlanMaterial {
  /** Every package of the set, with all it refers to. */
  readonly packages: readonly StorePath[];
  readonly popularity: Popularity;
  /** What was asked for in each image that was pulled, by `planName`; the order means nothing. */
  readonly pulled: readonly (readonly string[])[];
  /** The plan of an earlier pin: what it has together stays together unless that costs much. */
  readonly previous?: LayerPlan;
  /** The most layers that images are going to have. Fewer ask for larger bundles. */
  readonly budget?: number;
  readonly seed?: number;
  readonly tuning?: Partial<PlanTuning>;
}

/** What was found on a workload that the plan is not judged by. */
export interface PlanTuning {
  /** How many images are sampled. */
  readonly images: number;
  /** Images a registry is expected to hold. */
  readonly stored: number;
  /** Images a client is expected to pull. */
  readonly pulls: number;
  /** How much a byte that clients fetch weighs, a byte that is stored being 1. */
  readonly fetched: number;
  /** Expected stored bytes that a layer less is worth, in an image of few paths. */
  readonly layerBytes: number;
  /** In images of more paths than this, layers are scarce. */
  readonly manyPaths: number;
  /** How much scarcer they become with size. */
  readonly scarcity: number;
  /** As in `Bundling`. */
  readonly changeRate: number;
  /** Paths that fewer of the sampled images have are not planned, and parts of bundles not written down. */
  readonly support: number;
}

export const planTuning: PlanTuning = {
  images: 6000,
  stored: 300,
  pulls: 10,
  fetched: 2.5,
  layerBytes: 18_000,
  manyPaths: 60,
  scarcity: 2,
  changeRate: 0.0005,
  support: 8,
};

// Where there are few layers, saving one is worth more, the more so the larger an image is.
const scarceTuning: PlanTuning = {
  ...planTuning,
  fetched: 1.5,
  layerBytes: 12_000,
  manyPaths: 65,
  scarcity: 3,
  changeRate: 0.0002,
};
const scarceBelow = 45;
// Where there are many, few images use them up, and smaller bundles spare what clients fetch.
const plentyTuning: PlanTuning = { ...planTuning, fetched: 3.5, layerBytes: 16_000 };
const plentyFrom = 80;
const defaultBudget = 94;
// Bytes from which a path is not joined to others for the mere reason that the sampled images do not tell them apart.
const largeFrom = 300e3;

/** Learns which packages belong together in every image. The same material gives the same plan, in whatever order. */
export function learnPlan(material: PlanMaterial): LayerPlan {
  const budget = material.budget ?? defaultBudget;
  const tuning = { ...tuningFor(budget), ...material.tuning };
  const graph = referenceGraph(byName(material.packages));
  const names = graph.paths.map(planName);
  const nodeOf = mainVersions(graph, names);
  const pulled = material.pulled
    .map((asked) => sorted(asked.flatMap((name) => nodeOf.get(name) ?? [])))
    .sort((a, b) => compareBytes(a.join(), b.join()));
  // A log knows who is wanted; of what is not in it, what others need is seldom asked for itself.
  const weights = Float64Array.from(graph.paths, (path, node) =>
    pulled.length > 0
      ? 1 / (1 + (graph.referrers[node] ?? 0))
      : (knownOf(material.popularity, path)?.popularity ?? 1),
  );
  const images = sampleImages(
    { references: graph.references, names, weights, pulled },
    tuning.images,
    material.seed ?? 1,
  );

  const audiences = audiencesOf(images);
  const costs = costsOf(audiences, graph.sizes, images.length, tuning);
  const planned = [...audiences.entries()].filter(
    ([node, { length }]) => length >= tuning.support && nodeOf.get(names[node] ?? "") === node,
  );
  planned.sort(
    ([a, inA], [b, inB]) => inB.length - inA.length || compareBytes(names[a] ?? "", names[b] ?? ""),
  );
  const closureOf = closures(graph.references);
  const groups = alike(planned, graph.sizes);
  const starting = groups.map(({ nodes, having }) =>
    bundleOf(
      nodes,
      nodes.reduce((sum, node) => sum + (graph.sizes[node] ?? 0), 0),
      Int32Array.from(having),
      closureOf(nodes),
      costs.ofByte,
    ),
  );
  const startOf = new Map(
    groups.flatMap(({ nodes }, index) => nodes.map((node) => [node, index] as const)),
  );
  const previous = (material.previous?.bundles ?? []).map((each) =>
    sorted(each.names.flatMap((name) => startOf.get(nodeOf.get(name) ?? -1) ?? [])),
  );
  const prices = Float64Array.from(
    images,
    ({ length }) =>
      ((tuning.layerBytes * tuning.stored) / images.length) *
      Math.max(1, length / tuning.manyPaths) ** tuning.scarcity,
  );
  const bundling = { costOfByte: costs.ofByte, prices, changeRate: tuning.changeRate, previous };
  const bundles =
    budget < scarceBelow ? bundleInRounds(starting, bundling, budget) : bundle(starting, bundling);
  const describe = describer({
    names,
    images,
    support: tuning.support,
    previous: material.previous,
  });
  return { bundles: bundles.map(describe).sort(byFirstName) };
}

function tuningFor(budget: number): PlanTuning {
  if (budget < scarceBelow) return scarceTuning;
  return budget < plentyFrom ? planTuning : plentyTuning;
}

// Nodes are numbered in the order of paths: with the name in front of the hash, a rebuilt package keeps its place
// in what is drawn.
function byName(packages: readonly StorePath[]): readonly StorePath[] {
  const keyed = new Map(packages.map(({ path }) => [path, `/${planName(path)}${path}`]));
  return packages.map(({ path, size, references }) => ({
    path: keyed.get(path) ?? path,
    size,
    references: references.map((reference) => keyed.get(reference) ?? reference),
  }));
}

function sorted(nodes: readonly number[]): readonly number[] {
  return [...new Set(nodes)].sort((a, b) => a - b);
}

// What the very same images have belongs together from the start, unless it is large.
function alike(
  planned: readonly (readonly [number, readonly number[]])[],
  sizes: Float64Array,
): readonly { readonly nodes: number[]; readonly having: readonly number[] }[] {
  const groups = new Map<string, { nodes: number[]; having: readonly number[] }>();
  for (const [node, having] of planned) {
    const key = (sizes[node] ?? 0) >= largeFrom ? `large ${node}` : having.join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { nodes: [node], having });
    else group.nodes.push(node);
  }
  return [...groups.values()];
}

function audiencesOf(images: readonly SampledImage[]): Map<number, number[]> {
  const audiences = new Map<number, number[]>();
  for (const [index, image] of images.entries()) {
    for (const node of image) {
      const having = audiences.get(node);
      if (having === undefined) audiences.set(node, [index]);
      else having.push(index);
    }
  }
  return audiences;
}

// A layer that a share p of all images has is stored with probability 1 - exp(-N p), and fetched by a client
// that pulls n images with 1 - exp(-n p). Both are put on one scale by what an ideal registry would store and serve.
function costsOf(
  audiences: ReadonlyMap<number, readonly number[]>,
  sizes: Float64Array,
  images: number,
  { stored, pulls, fetched }: PlanTuning,
): { readonly ofByte: Float64Array } {
  const chance = (draws: number, count: number) => 1 - Math.exp((-draws * count) / images);
  let [storedBytes, fetchedBytes] = [0, 0];
  for (const [node, { length }] of audiences) {
    storedBytes += (sizes[node] ?? 0) * chance(stored, length);
    fetchedBytes += (sizes[node] ?? 0) * chance(pulls, length);
  }
  const weight = (fetched * storedBytes) / fetchedBytes;
  return {
    ofByte: Float64Array.from(
      { length: images + 1 },
      (_, count) => chance(stored, count) + weight * chance(pulls, count),
    ),
  };
}

function byFirstName(a: PlannedBundle, b: PlannedBundle): number {
  return compareBytes(a.names[0] ?? "", b.names[0] ?? "");
}
