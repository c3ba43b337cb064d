/** What a popularity file says of a package: how often it is wanted, and what it costs in bytes in place of its size. */
export interface Known {
  readonly popularity?: number;
  readonly cost?: number;
}

/** What is known of packages, by name: `glibc-2.36`, or `glibc` for every version of it. */
export type Popularity = ReadonlyMap<string, Known>;

/** Stands for a popularity file where there is none. */
export const noPopularity: Popularity = new Map();

/**
 * Reads a popularity file: `{"glibc": 52000, "llvm": {"popularity": 310, "cost": 400000000}}`.
 * Throws one error that names every key whose value cannot be used.
 */
export function parsePopularity(text: string): Popularity {
  const file = parseJson(text);
  if (!isObject(file)) {
    throw new Error(`the popularity file is ${shown(file)}, not an object by package name`);
  }
  const problems: string[] = [];
  const known = new Map<string, Known>();
  for (const [name, value] of Object.entries(file)) {
    const entry = typeof value === "number" ? { popularity: value } : value;
    const problem = problemOf(entry);
    if (problem === undefined && isObject(entry)) known.set(name, entry);
    else problems.push(`"${name}" ${problem}`);
  }
  if (problems.length > 0) throw new Error(`the popularity file: ${problems.join("; ")}`);
  return known;
}

/** What is known of a store path: by its full name first, else by its name without the version. */
export function knownOf(popularity: Popularity, path: string): Known | undefined {
  if (popularity.size === 0) return undefined;
  const name = storePathName(path);
  return popularity.get(name) ?? popularity.get(packageName(name));
}

/** The name of a store path: what follows the hash, `glibc-2.36` of `/nix/store/<hash>-glibc-2.36`. */
export function storePathName(path: string): string {
  return path.slice(nameStart(path));
}

/** Where the name of a store path begins. */
export function nameStart(path: string): number {
  const base = path.lastIndexOf("/") + 1;
  const dash = path.indexOf("-", base);
  return dash === -1 ? base : dash + 1;
}

/** A name without its version, which starts after the first dash that no letter follows (Nix's `parseDrvName`). */
export function packageName(name: string): string {
  const dash = name.search(/-[^a-zA-Z]/);
  return dash === -1 ? name : name.slice(0, dash);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error("the popularity file is not JSON", { cause: error });
  }
}

function problemOf(entry: unknown): string | undefined {
  if (!isObject(entry)) {
    return `is ${shown(entry)}, not a number or {"popularity", "cost"}`;
  }
  for (const [field, value] of Object.entries(entry)) {
    if (field !== "popularity" && field !== "cost") return `has "${field}", which means nothing`;
    if (typeof value !== "number" || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      return `has the ${field} ${shown(value)}, not a number from 0`;
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
