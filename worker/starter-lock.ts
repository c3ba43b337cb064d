import type { DebianIndex, DebianPackage } from "./debian-index.ts";
import { upstreamVersion } from "./debian-index.ts";
import type { StarterRow, StarterTable } from "./starter-table.ts";
import { planUnits } from "./starter-units.ts";
import type { Unit } from "./starter-units.ts";

/** What shapes the packages besides the Debian packages they are made of. */
export interface StarterMachine {
  /** Nix's word for the platform, such as `x86_64-linux`. */
  readonly system: string;
  /** The platform of the machine that builds, where it is another one. */
  readonly host?: string;
  /** Such as `debian 12`. */
  readonly release: string;
  /** Versions of the tools whose output ends up in packages. */
  readonly tools: Readonly<Record<string, string>>;
}

/** `lock.json`: all that `nix/starter/default.nix` knows. The keys of its records are sorted. */
export interface StarterLock extends StarterMachine {
  /** Dropped from all units, besides what each drops itself. */
  readonly cut: readonly string[];
  /** Attribute -> unit. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly debs: Readonly<Record<string, LockedDeb>>;
  /** What becomes one store path each. */
  readonly units: Readonly<Record<string, LockedUnit>>;
}

export interface LockedDeb {
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** The name in the Nix store. */
  readonly file: string;
  /** Where it lies; left out where the machine's apt can be asked. */
  readonly url?: string;
}

type Recipe = Required<Omit<StarterRow, "debian" | "also" | "never" | "program">>;

export interface LockedUnit extends Recipe {
  readonly pname: string;
  readonly version: string;
  readonly debs: readonly string[];
  /** Units: direct dependencies. */
  readonly needs: readonly string[];
  /** Empty where there is none. */
  readonly program: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** Everything the starter set is made of, from apt's lists alone: the same lists give the same lock. */
export function lockStarterSet(
  table: StarterTable,
  index: DebianIndex,
  machine: StarterMachine,
): StarterLock {
  const units = [...planUnits(table, index)];
  const debs = units.flatMap(([, unit]) => unit.debs);
  return {
    ...machine,
    cut: table.cut,
    attributes: sortedRecord(units.flatMap(([key, unit]) => attributesOf(key, unit))),
    debs: sortedRecord(debs.map((name) => [name, lockDeb(packageNamed(index, name))])),
    units: sortedRecord(units.map(([key, unit]) => [key, lockUnit(index, key, unit)])),
  };
}

function attributesOf(key: string, unit: Unit): readonly (readonly [string, string])[] {
  if (unit.row === undefined) return [];
  return [key, ...(unit.row.also ?? [])].map((attribute) => [attribute, key]);
}

function lockDeb(deb: DebianPackage): LockedDeb {
  const { name, version, architecture, sha256, size } = deb;
  const file = storeName(`${name}_${version}_${architecture}.deb`);
  return { version, architecture, sha256, size, file };
}

function lockUnit(index: DebianIndex, key: string, unit: Unit): LockedUnit {
  const row: StarterRow = unit.row ?? { debian: unit.debs };
  const main = packageNamed(index, row.debian[0] ?? key);
  const isTopLevel = unit.row !== undefined && !key.includes(".");
  return {
    pname: isTopLevel ? key : main.name,
    version: storeName(upstreamVersion(main.version)),
    debs: unit.debs,
    needs: unit.needs,
    program: row.program ?? "",
    cut: row.cut ?? [],
    links: row.links ?? {},
    environment: row.environment ?? {},
    beside: unit.beside,
    optional: row.optional ?? [],
    runs: row.runs ?? [],
    finish: row.finish ?? [],
    meta: metaOf(main, row),
  };
}

function metaOf(main: DebianPackage, row: StarterRow): Readonly<Record<string, string>> {
  return {
    description: main.description,
    ...(main.homepage === undefined ? {} : { homepage: main.homepage }),
    ...(row.program === undefined ? {} : { mainProgram: row.program }),
  };
}

function packageNamed(index: DebianIndex, name: string): DebianPackage {
  const found = index.packages.get(name);
  if (found === undefined) throw new Error(`apt's lists have no Debian package ${name}`);
  return found;
}

// Versions may have ~ and :, which names in the store may not.
function storeName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9+\-._?=]/g, "-");
}

function sortedRecord<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
