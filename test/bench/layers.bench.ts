import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { groupLayers } from "../../worker/layers.ts";
import { encodePlan, type LayerPlan } from "../../worker/layer-plan.ts";
import { learnPlan } from "../../worker/learn-plan.ts";
import { groupByPlan } from "../../worker/plan-layers.ts";
import type { StorePath } from "../../core/ports.ts";
import { layerChart } from "./layer-chart.ts";
import { type BenchImage, readGraph, readWorkload, type WorkloadName } from "./layer-data.ts";
import {
  drawBumps,
  drawClients,
  type GroupedImage,
  measure,
  type Measures,
} from "./layer-measures.ts";
import { nixery, oneLayer, onePathALayer, popularityContest } from "./layer-opponents.ts";
import { asStorePaths } from "./layer-paths.ts";
import { compare, target } from "./rounds.ts";

// How many bytes do registries store and clients fetch, if images are grouped by a learned plan, on 300 images of
// Debian's packages that the plan has not seen? Opponents: the dominator tree, Nixery's rating, nixpkgs' popularity
// contest, one layer; all as ratios to one layer a path. `FIRN_WORKLOAD=zipf_b` is for tuning, and writes no chart.

const workload = (process.env["FIRN_WORKLOAD"] ?? "zipf") as WorkloadName;
const graph = readGraph();
const paths = asStorePaths(graph);
const { packages, popularity } = paths;
const images = readWorkload(graph, workload);
const pulled = readWorkload(graph, "zipf_train").map(paths.planNames);
const measuring = { graph, clients: drawClients(images.length), bumps: drawBumps(graph, images) };

const plans = new Map<number, LayerPlan>();
for (const budget of [94, 60, 30]) {
  const before = process.cpuUsage();
  const plan = learnPlan({ packages, popularity, pulled, budget });
  const seconds = process.cpuUsage(before).user / 1e6;
  plans.set(budget, plan);
  const memory = process.resourceUsage().maxRSS / 1e6;
  console.log(
    `  plan for ${budget}: ${plan.bundles.length} bundles, ${(encodePlan(plan).length / 1000).toFixed(0)} kB, learned in ${seconds.toFixed(1)} s of CPU, ${memory.toFixed(2)} GB at most so far`,
  );
  target("learned in at most 5 s and 1 GB", seconds <= 5 && memory <= 1);
}

type Grouping = (image: BenchImage, budget: number) => GroupedImage;
const groupings: Readonly<Record<string, Grouping>> = {
  "layer plan": (image, budget) =>
    nodesOf(
      groupByPlan(paths.closure(image), paths.roots(image), {
        budget,
        popularity,
        plan: plans.get(budget) ?? { bundles: [] },
      }),
    ),
  "dominator tree": (image, budget) =>
    nodesOf(groupLayers(paths.closure(image), paths.roots(image), { budget, popularity })),
  "Nixery's rating": (image, budget) => nixery(graph, image, budget),
  "nixpkgs' popularity contest": (image, budget) => popularityContest(graph, image, budget),
  "one layer": oneLayer,
};

const bound = measure(images.map(onePathALayer), measuring);
const results = new Map<string, Measures>();
console.log(
  "\n| budget | grouping | stored | blob | prefix | bump client | bump registry | layers |",
);
console.log("|--:|---|--:|--:|--:|--:|--:|--:|");
for (const budget of [94, 60, 30]) {
  for (const [name, group] of Object.entries(groupings)) {
    const measures = ratios(
      measure(
        images.map((image) => group(image, budget)),
        measuring,
      ),
    );
    results.set(`${name} ${budget}`, measures);
    const { stored, blob, prefix, bumpClient, bumpRegistry, layers } = measures;
    const columns = [stored, blob, prefix, bumpClient, bumpRegistry].map((x) => x.toFixed(3));
    console.log(`| ${budget} | ${name} | ${columns.join(" | ")} | ${layers.toFixed(1)} |`);
  }
}
console.log("");
const targets = {
  stored: [1.02, 1.15],
  blob: [1.01, 1.04],
  prefix: [1.4, 1.4],
  bumpRegistry: [1.1, 1.8],
};
for (const [column, [at94 = 0, at30 = 0]] of Object.entries(targets)) {
  for (const [budget, most] of [
    [94, at94],
    [30, at30],
  ] as const) {
    const found = results.get(`layer plan ${budget}`)?.[column as keyof typeof targets] ?? NaN;
    target(`${column} at ${budget}: at most ${most} (it was ${found.toFixed(3)})`, found <= most);
  }
}
const layersAt94 = results.get("layer plan 94")?.layers ?? NaN;
target(`at most 34 layers an image at 94 (it was ${layersAt94.toFixed(1)})`, layersAt94 <= 34);
if (workload === "zipf") {
  await writeFile(
    join(import.meta.dirname, "layers.svg"),
    layerChart(results, Object.keys(groupings)),
  );
}

const plan = plans.get(94) ?? { bundles: [] };
for (const [size, most] of [
  [1000, 1],
  [10_000, 15],
  [60_000, 200],
] as const) {
  const closure = closureOfSize(size);
  console.log(`\n  a closure of ${closure.length} paths`);
  const roots: string[] = [];
  const options = { budget: 94, popularity, plan };
  const repeats = Math.max(1, Math.floor(20_000 / size));
  const timed = (work: () => unknown) => async () => {
    for (let i = 0; i < repeats; i++) work();
    const before = process.cpuUsage();
    for (let i = 0; i < repeats; i++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / repeats;
  };
  const medians = await compare("ms of CPU", 7, {
    "layer plan": timed(() => groupByPlan(closure, roots, options)),
    "dominator tree": timed(() => groupLayers(closure, roots, options)),
  });
  for (const [name, found] of Object.entries(medians)) {
    target(`${name}: at most ${most} ms (it was ${found.toFixed(1)})`, found <= most);
  }
}

function ratios(found: Measures): Measures {
  return {
    stored: found.stored / bound.stored,
    blob: found.blob / bound.blob,
    prefix: found.prefix / bound.blob,
    bumpClient: found.bumpClient / bound.bumpClient,
    bumpRegistry: found.bumpRegistry / bound.bumpRegistry,
    layers: found.layers,
  };
}

function nodesOf(layers: readonly { readonly paths: readonly string[] }[]): GroupedImage {
  return layers.map((layer) => layer.paths.map(paths.nodeOf).sort((a, b) => a - b));
}

/** The closure of as many packages, in the order of their names, as make it that large or a little larger. */
function closureOfSize(size: number): readonly StorePath[] {
  const seen = new Set<number>();
  for (let next = 0; next < graph.names.length && seen.size < size; next += 1) {
    const added = new Set([next]);
    for (const node of added) {
      seen.add(node);
      for (const other of graph.references[node] ?? []) if (!seen.has(other)) added.add(other);
    }
  }
  return [...seen].flatMap((node) => packages[node] ?? []);
}
