import type { DebianIndex } from "./debian-index.ts";
import { dependenciesOf } from "./debian-index.ts";
import { mergeCycles } from "./starter-cycles.ts";
import type { StarterRow, StarterTable } from "./starter-table.ts";
import { isPattern, matchesAny } from "./starter-table.ts";

/** Debian packages that become one store path: a row of the table, or a library. */
export interface Unit {
  /** Undefined for a library. */
  readonly row: StarterRow | undefined;
  readonly debs: readonly string[];
  /** Keys of other units; there are no cycles. */
  readonly needs: readonly string[];
  readonly beside: readonly string[];
}

type Rows = ReadonlyMap<string, StarterRow>;

/**
 * Divides the Debian packages that the table's rows need into units, by key: a row's key is its attribute, a
 * library's is `debian/` and its name. Rows whose Debian packages this release does not have are left out.
 */
export function planUnits(table: StarterTable, index: DebianIndex): ReadonlyMap<string, Unit> {
  const known = Object.entries(table.packages).filter(([, row]) =>
    row.debian.every((name) => isPattern(name) || index.packages.has(name)),
  );
  const rows: Rows = new Map(known.sort(([a], [b]) => (a < b ? -1 : 1)));
  const owners = ownersOf(table, index, rows);
  const keyOf = (debian: string) => owners.get(debian) ?? `debian/${debian}`;
  const besideOf = (row: StarterRow | undefined) =>
    (row?.beside ?? []).map((name) => (rows.has(name) ? name : keyOf(name)));

  const graph = new Map<string, ReadonlySet<string>>();
  const waiting = [...rows.keys()];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (graph.has(key)) continue;
    const needs = needsOf(key);
    graph.set(key, needs);
    waiting.push(...needs);
  }
  const units = [...mergeCycles(graph, (key) => rows.has(key))].map(([key, group]) => {
    const row = rows.get(key);
    const debs = group.members.flatMap(debsOf);
    return [key, { row, debs, needs: group.needs, beside: besideOf(row) }] as const;
  });
  return new Map(units);

  function debsOf(key: string): readonly string[] {
    if (!rows.has(key)) return [key.slice("debian/".length)];
    return [...owners].filter(([, owner]) => owner === key).map(([debian]) => debian);
  }

  function needsOf(key: string): ReadonlySet<string> {
    const row = rows.get(key);
    const isLeftOut = leftOut(table, row);
    const needs = debsOf(key).flatMap((debian) => dependenciesOf(index, debian, isLeftOut));
    const all = new Set([...needs.map(keyOf), ...besideOf(row)]);
    // Any row may have scripts or want a wrapper. What does not name bash in the end does not refer to it.
    if (row !== undefined && rows.has("bash")) all.add("bash");
    all.delete(key);
    return all;
  }
}

/** Debian package -> the row it is merged into. */
function ownersOf(
  table: StarterTable,
  index: DebianIndex,
  rows: Rows,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [attribute, row] of rows) {
    for (const debian of row.debian.filter((name) => !isPattern(name))) {
      const other = owners.get(debian);
      if (other !== undefined)
        throw new Error(`the starter set has ${debian} in both ${other} and ${attribute}`);
      owners.set(debian, attribute);
    }
  }
  // Patterns come after all names: what has a row of its own is not drawn into another one.
  for (const [attribute, row] of rows) {
    const patterns = row.debian.filter(isPattern);
    if (patterns.length === 0) continue;
    for (const debian of withinReach(index, row, owners, attribute, leftOut(table, row))) {
      if (matchesAny(patterns, debian)) owners.set(debian, attribute);
    }
  }
  return owners;
}

/** What a row's named Debian packages depend on, not looking into other rows. */
function withinReach(
  index: DebianIndex,
  row: StarterRow,
  owners: ReadonlyMap<string, string>,
  attribute: string,
  isLeftOut: (name: string) => boolean,
): readonly string[] {
  const found = new Set(row.debian.filter((name) => !isPattern(name)));
  // A Set's iteration goes on to what is added meanwhile.
  for (const debian of found) {
    for (const other of dependenciesOf(index, debian, isLeftOut)) {
      if ((owners.get(other) ?? attribute) === attribute) found.add(other);
    }
  }
  return [...found].sort();
}

function leftOut(table: StarterTable, row: StarterRow | undefined): (name: string) => boolean {
  const never = [...table.never, ...(row?.never ?? [])];
  return (name) => matchesAny(never, name);
}
