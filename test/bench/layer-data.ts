import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/**
 * The dependency graph of Debian 12 as if each package were a store path (circles merged into one): node `n` is
 * `names[n]`, takes `sizes[n]` bytes installed, and needs `references[n]` directly.
 */
export interface PackageGraph {
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  readonly references: readonly (readonly number[])[];
  /** How many packages refer to each directly. */
  readonly directUsers: readonly number[];
  /** How many packages have each in their closure. */
  readonly popularity: readonly number[];
  /** Installed bytes of the closure. */
  readonly closureSizes: readonly number[];
}

/** An image of a workload: what was asked for, and its closure in ascending order. */
export interface BenchImage {
  readonly roots: readonly number[];
  readonly nodes: readonly number[];
}

function readFixture(name: string): unknown {
  const bytes = readFileSync(join(import.meta.dirname, "../fixtures", name));
  return JSON.parse(gunzipSync(bytes).toString("utf8"));
}

export function readGraph(): PackageGraph {
  const file = readFixture("debian12-graph.json.gz") as {
    names: string[];
    size: number[];
    refs: number[][];
    indeg: number[];
    pop: number[];
    closureSize: number[];
  };
  return {
    names: file.names,
    sizes: file.size.map((kib) => kib * 1024),
    references: file.refs,
    directUsers: file.indeg,
    popularity: file.pop,
    closureSizes: file.closureSize.map((kib) => kib * 1024),
  };
}

/** `zipf_train` is to learn from, `zipf_b` to tune on, and `zipf` to judge by, once. */
export type WorkloadName = "zipf" | "zipf_train" | "zipf_b";

export function readWorkload(graph: PackageGraph, name: WorkloadName): readonly BenchImage[] {
  const file = readFixture("layer-workloads.json.gz") as Record<
    WorkloadName,
    readonly { roots: readonly number[] }[]
  >;
  return file[name].map(({ roots }) => ({ roots, nodes: closureOf(graph, roots) }));
}

/** All that is needed by `roots`, with them, in ascending order. */
export function closureOf(
  { references }: Pick<PackageGraph, "references">,
  roots: readonly number[],
): readonly number[] {
  const seen = new Set(roots);
  for (const node of seen) for (const next of references[node] ?? []) seen.add(next);
  return [...seen].sort((a, b) => a - b);
}
