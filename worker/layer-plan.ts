import { compareBytes } from "../core/bytewise.ts";
import { type Digest, digestOf } from "../core/digest.ts";
import type { ReferenceGraph } from "./graph.ts";
import { nameStart, storePathName } from "./popularity.ts";

/** Which packages belong together in every image of a registry; by name, so that it outlives their versions. */
export interface LayerPlan {
  /** Sorted by their first names; no name is in two. */
  readonly bundles: readonly PlannedBundle[];
}

export interface PlannedBundle {
  /** Share of all images that are expected to have something of it, above 0 and at most 1. */
  readonly share: number;
  /** As `planName` gives them, sorted bytewise, at least one. */
  readonly names: readonly string[];
  /**
   * What images have of it, where there are several names: an image with some of them gets a layer of these only, or of
   * parts of that which more images have. No two parts are the same, and what is not among them hardly any image has.
   * Undefined where nothing is known of parts.
   */
  readonly parts?: readonly PlannedPart[];
}

export interface PlannedPart {
  /** Share of all images that are expected to have just this of the bundle, above 0 and at most 1. */
  readonly share: number;
  /** Of the bundle's names, at least one. */
  readonly names: readonly string[];
}

/**
 * What a plan calls a store path: its name without the version, but with the output, since outputs have audiences of
 * their own: `/nix/store/<hash>-openssl-3.0.14-dev` is `openssl-dev`.
 */
export function planName(path: string): string {
  const start = nameStart(path);
  // Nearly all names have their version at the end, where looking for it is several times faster than matching.
  let dash = path.indexOf("-", start);
  while (dash !== -1 && !isDigit(path.charCodeAt(dash + 1))) dash = path.indexOf("-", dash + 1);
  if (dash === -1) return path.slice(start);
  if (path.includes("-", dash + 1)) return path.slice(start).replaceAll(/-\d[^-]*/g, "");
  return path.slice(start, dash);
}

/**
 * What equal paths are ordered by: their plan name and then their version, but not their hash, which each rebuild changes.
 * `openssl-dev openssl-3.0.14-dev`.
 */
export function nameAndVersion(path: string): string {
  return `${planName(path)} ${storePathName(path)}`;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/**
 * The node that each plan name stands for. Where a graph has several versions of a package, it is the one that most
 * others refer to; the rest are as if nothing was known of them.
 */
export function mainVersions(
  graph: ReferenceGraph,
  names: readonly string[],
): ReadonlyMap<string, number> {
  const main = new Map<string, number>();
  for (const [node, name] of names.entries()) {
    const other = main.get(name);
    if (other === undefined || isMainBeside(graph, node, other)) main.set(name, node);
  }
  return main;
}

/** Whether a plan means `node` rather than `other`, which has the same plan name. */
export function isMainBeside(
  { paths, referrers }: ReferenceGraph,
  node: number,
  other: number,
): boolean {
  const more = (referrers[node] ?? 0) - (referrers[other] ?? 0);
  if (more !== 0) return more > 0;
  const later = compareBytes(storePathName(paths[node] ?? ""), storePathName(paths[other] ?? ""));
  // Of the same name, such as two builds of one version, the order by path decides.
  return later > 0 || (later === 0 && node > other);
}

/** Two digits of a share: more would make a new plan of every new sample. */
export function roundedShare(share: number): number {
  return Number(share.toPrecision(2));
}

/** The version of the encoding; another one is another format, which older programs refuse. */
export const planVersion = 2;
// That of plans which revisions are grouped by already, and stay so: it says nothing of parts.
const withoutParts = 1;

/**
 * A plan as JSON, always the same bytes for the same plan, a bundle a line, so that two plans can be compared by eye:
 * `{"version": 2, "bundles": [[0.15, ["git", "pcre2"], [["01", 0.05], ["11", 0.1]]], ...]}`. A part has a digit for each
 * name of its bundle.
 */
export function encodePlan({ bundles }: LayerPlan): string {
  const lines = bundles
    .map((bundle) => ({ ...bundle, names: bundle.names.toSorted(compareBytes) }))
    .sort((a, b) => compareBytes(a.names[0] ?? "", b.names[0] ?? ""))
    .map(({ share, names, parts }) =>
      JSON.stringify(parts === undefined ? [share, names] : [share, names, digits(parts, names)]),
    );
  return `{"version":${planVersion},"bundles":[\n${lines.join(",\n")}\n]}\n`;
}

function digits(parts: readonly PlannedPart[], all: readonly string[]) {
  return parts
    .map(({ share, names }) => {
      const has = new Set(names);
      return [all.map((name) => (has.has(name) ? "1" : "0")).join(""), share] as const;
    })
    .sort(([a], [b]) => compareBytes(a, b));
}

/** What stands for a plan in a build key. */
export function planDigest(plan: LayerPlan): Digest {
  return digestOf(encodePlan(plan));
}

/** Reads an encoded plan. Throws an error that names the first thing that is wrong, and where. */
export function parsePlan(text: string): LayerPlan {
  const file = parseJson(text);
  if (!isObject(file)) throw new Error(`the layer plan is ${shown(file)}, not an object`);
  const version = file["version"];
  if (version !== planVersion && version !== withoutParts) {
    throw new Error(
      `the layer plan has version ${shown(version)}, and only ${withoutParts} and ${planVersion} are known here: learn a new one`,
    );
  }
  if (!Array.isArray(file["bundles"])) {
    throw new Error(`the layer plan's bundles are ${shown(file["bundles"])}, not a list`);
  }
  const seen = new Set<string>();
  const bundles = file["bundles"].map((entry: unknown, index) => {
    const bundle = parseBundle(entry, version === planVersion);
    if (typeof bundle === "string") throw new Error(`the layer plan's bundle ${index} ${bundle}`);
    for (const name of bundle.names) {
      if (seen.has(name)) throw new Error(`the layer plan has ${shown(name)} twice`);
      seen.add(name);
    }
    return bundle;
  });
  return { bundles };
}

function parseBundle(entry: unknown, mayHaveParts: boolean): PlannedBundle | string {
  const form = mayHaveParts ? "[share, names] or [share, names, parts]" : "[share, names]";
  if (!Array.isArray(entry) || entry.length < 2 || entry.length > (mayHaveParts ? 3 : 2)) {
    return `is ${shown(entry)}, not ${form}`;
  }
  const [share, listed, digitsOfParts]: unknown[] = entry;
  if (!isShare(share)) return `has the share ${shown(share)}, not a number above 0 and up to 1`;
  if (!Array.isArray(listed) || listed.length === 0) {
    return `has the names ${shown(listed)}, not a list of at least one`;
  }
  const wrong: unknown = listed.find((name) => typeof name !== "string" || name === "");
  if (wrong !== undefined) return `has the name ${shown(wrong)}, not a text`;
  const names = listed.map(String);
  if (entry.length === 2) return { share, names: names.sort(compareBytes) };
  const parts = parseParts(digitsOfParts, names);
  return typeof parts === "string" ? parts : { share, names: names.toSorted(compareBytes), parts };
}

function parseParts(entries: unknown, names: readonly string[]): PlannedPart[] | string {
  if (!Array.isArray(entries)) return `has the parts ${shown(entries)}, not a list`;
  const parts = new Map<string, PlannedPart>();
  for (const entry of entries as unknown[]) {
    const [which, share]: unknown[] = Array.isArray(entry) && entry.length === 2 ? entry : [];
    if (typeof which !== "string" || !isShare(share)) {
      return `has the part ${shown(entry)}, not [digits, share]`;
    }
    if (!/^0*1[01]*$/.test(which) || which.length !== names.length) {
      return `has the part ${shown(which)}, not a 0 or 1 for each of ${names.length} names, and a 1 at least`;
    }
    if (parts.has(which)) return `has the part ${shown(which)} twice`;
    parts.set(which, { share, names: names.filter((_, index) => which[index] === "1") });
  }
  return [...parts.values()];
}

function isShare(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= 1;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error("the layer plan is not JSON", { cause: error });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
