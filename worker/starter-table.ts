import { readFile } from "node:fs/promises";

/**
 * `nix/starter/packages.json`: which Nix packages are made of which Debian packages. In patterns, `*` stands
 * for anything. Files are named as they are in the output, where `usr/` is gone and `sbin` has become `bin`.
 */
export interface StarterTable {
  /** Debian packages (patterns) that are never followed: what only an installation needs. */
  readonly never: readonly string[];
  /** Files and folders (patterns) that are dropped from everything. */
  readonly cut: readonly string[];
  /** By attribute name; one dot makes a nested set, `python3Packages.requests`. */
  readonly packages: Readonly<Record<string, StarterRow>>;
}

/** Only `debian` has to be said; most rows say `program` as well. */
export interface StarterRow {
  /**
   * The Debian packages merged into this one. The first gives version and description. Patterns are looked for
   * in what the others depend on, so that `python3.*` finds 3.11 in one release and 3.13 in another.
   */
  readonly debian: readonly string[];
  /** Further attribute names of the same package. */
  readonly also?: readonly string[];
  /** The main program, in `bin`. */
  readonly program?: string;
  /** Like the table's, for this row only. */
  readonly never?: readonly string[];
  readonly cut?: readonly string[];
  /** Link -> what it points to, seen from the link's folder: `{ "bin/awk": "gawk" }`. */
  readonly links?: Readonly<Record<string, string>>;
  /** Variables the main program is started with unless they are set; `@out@` is the package's store path. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Attributes or Debian packages whose files an image with this one has at its root, too. */
  readonly beside?: readonly string[];
  /** Files (patterns) that are dropped instead of failing the build if a library of theirs is missing. */
  readonly optional?: readonly string[];
  /** Attributes whose programs `finish` runs, with `$(runnable <program>)`. */
  readonly runs?: readonly string[];
  /** Lines of bash, run in the output before its programs are patched. */
  readonly finish?: readonly string[];
}

/** Reads the table that lies beside the package set's Nix files. */
export async function readStarterTable(file: string | URL): Promise<StarterTable> {
  // Our own file, of the same commit as this one: a wrong row is a failed test, not a user's error.
  return JSON.parse(await readFile(file, "utf8")) as StarterTable;
}

/** Whether `name` is one of `patterns`. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => pattern === name || expressionOf(pattern)?.test(name) === true);
}

export function isPattern(name: string): boolean {
  return name.includes("*");
}

function expressionOf(pattern: string): RegExp | undefined {
  if (!isPattern(pattern)) return undefined;
  const parts = pattern.split("*").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`);
}
