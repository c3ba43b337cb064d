import { compareBytes } from "../core/bytewise.ts";
import type { Survey } from "../core/ports.ts";
import { referenceGraph } from "./graph.ts";
import { closures } from "./plan-sample.ts";
import { packageName, storePathName } from "./popularity.ts";

/**
 * In how many packages' closures each store path is, by its name without the version, which outlives it: `glibc`. Where
 * outputs or versions of one name differ, each is there by its full name as well, which is looked up first. The most
 * wanted come first.
 */
export function countPackages({ packages, paths }: Survey): Readonly<Record<string, number>> {
  const graph = referenceGraph(paths);
  const nodes = new Map(graph.paths.map((path, node) => [path, node]));
  const fullNames = graph.paths.map(storePathName);
  const closureOf = closures(graph.references);
  const counts = new Map<string, number>();
  for (const { outputs } of packages) {
    const names = new Set<string>();
    for (const node of closureOf(outputs.flatMap((path) => nodes.get(path) ?? []))) {
      const name = fullNames[node] ?? "";
      names.add(name).add(packageName(name));
    }
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const told = [...counts].filter(([name, count]) => {
    const short = packageName(name);
    return short === name || counts.get(short) !== count;
  });
  return Object.fromEntries(told.sort(([a, m], [b, n]) => n - m || compareBytes(a, b)));
}
