import { createHash } from "node:crypto";
import type { StorePath } from "../../core/ports.ts";
import { planName } from "../../worker/layer-plan.ts";
import type { Popularity } from "../../worker/popularity.ts";
import type { BenchImage, PackageGraph } from "./layer-data.ts";

/** The package graph as store paths: what Nix would tell of them. */
export interface BenchPaths {
  readonly packages: readonly StorePath[];
  readonly popularity: Popularity;
  readonly nodeOf: (path: string) => number;
  readonly closure: (image: BenchImage) => readonly StorePath[];
  readonly roots: (image: BenchImage) => readonly string[];
  readonly planNames: (image: BenchImage) => readonly string[];
}

export function asStorePaths(graph: PackageGraph): BenchPaths {
  const names = graph.names.map(nixName);
  const paths = names.map((name) => {
    const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
    return `/nix/store/${hash}-${name}`;
  });
  const nodes = new Map(paths.map((path, node) => [path, node]));
  const pathOf = (node: number) => paths[node] ?? "";
  const packages = paths.map((path, node) => ({
    path,
    size: graph.sizes[node] ?? 0,
    references: (graph.references[node] ?? []).map(pathOf),
  }));
  return {
    packages,
    popularity: new Map(
      names.map((name, node) => [name, { popularity: graph.popularity[node] ?? 0 }]),
    ),
    nodeOf: (path) => nodes.get(path) ?? -1,
    closure: ({ nodes: having }) => having.flatMap((node) => packages[node] ?? []),
    roots: ({ roots }) => roots.map(pathOf),
    planNames: ({ roots }) => roots.map((node) => planName(pathOf(node))),
  };
}

// In Debian's names a digit may follow a dash before the version starts (libgtk-3-0-3.24.38-2); in Nix's it is the version.
function nixName(name: string): string {
  const version = /-(?:\d[^-]*[.+~][^-]*-)?\d[^-]*$/.exec(name);
  const end = version?.index ?? name.length;
  return name.slice(0, end).replaceAll(/-(?=\d)/g, "_") + name.slice(end);
}
