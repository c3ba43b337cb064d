import { compareBytes } from "../core/bytewise.ts";
import type { ReferenceGraph } from "./graph.ts";
import { highest } from "./highest.ts";
import { nameAndVersion } from "./layer-plan.ts";
import { neededGroups } from "./needed-groups.ts";

// How paths that are in layers of one image alone are divided among these.
//
// When a package changes, every path that needs it changes as well, and each layer that holds one of them is stored and
// fetched anew, with all that is in it. A layer's bytes times the number of packages that its paths need say how much
// that is. Small paths that need the same packages begin together; then those are joined, two at a time, that add least to
// the sum. A new version must not move anything that does not need it: sizes count by their powers of two, and what is
// equal goes by name.

/** Paths that are going to be in one layer. */
interface Portion {
  readonly nodes: number[];
  size: number;
  /** Which packages they need, in bits, of those that are told apart. */
  readonly needs: Uint32Array;
  /** How many of the paths are no such packages. */
  others: number;
  /** How many packages change it. */
  changes: number;
}

// Packages that are told apart, those that most others refer to; and portions that are compared with each other. More of
// either hardly change what is stored anew.
const mostPackages = 128;
const mostPortions = 16;

/**
 * Divides nodes of a graph into at most `count` lists such that a change of a package reaches few bytes. What
 * changes least comes first; in a list they are in any order.
 */
export function splitByChange(
  nodes: readonly number[],
  graph: ReferenceGraph,
  count: number,
): readonly number[][] {
  const portions = mostChanging(withSameNeeds(nodes, graph), graph);
  while (portions.length > count) joinCheapest(portions);
  portions.sort((a, b) => a.changes - b.changes);
  return portions.map((portion) => portion.nodes);
}

function withSameNeeds(nodes: readonly number[], graph: ReferenceGraph): Portion[] {
  const packages = neededPackages(graph);
  const isToldApart = new Uint8Array(graph.paths.length);
  for (const node of packages) isToldApart[node] = 1;
  const { bits, width } = neededGroups(
    graph.references,
    packages.map((node) => [node]),
  );
  const sizes = nodes.map((node) => 2 ** Math.round(Math.log2(1 + (graph.sizes[node] ?? 0))));
  const large = sizes.reduce((sum, size) => sum + size, 0) / mostPortions;
  const portions = new Map<number, Portion>();
  const ofLarge: Portion[] = [];
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] ?? 0;
    const size = sizes[index] ?? 0;
    const at = node * width;
    let key = 0;
    for (let word = at; word < at + width; word++) key = Math.imul(key ^ (bits[word] ?? 0), prime);
    let portion = size < large ? portions.get(key) : undefined;
    while (portion !== undefined && !isSame(portion.needs, bits, at)) portion = portions.get(++key);
    if (portion === undefined) {
      const needs = bits.subarray(at, at + width);
      portion = { nodes: [], size: 0, needs, others: 0, changes: ones(needs, needs) };
      if (size < large) portions.set(key, portion);
      else ofLarge.push(portion);
    }
    portion.nodes.push(node);
    portion.size += size;
    if (isToldApart[node] === 0) {
      portion.others++;
      portion.changes++;
    }
  }
  return [...ofLarge, ...portions.values()];
}

// Of FNV-1a.
const prime = 0x01000193;

function isSame(needs: Uint32Array, bits: Uint32Array, at: number): boolean {
  for (let word = 0; word < needs.length; word++) {
    if (needs[word] !== bits[at + word]) return false;
  }
  return true;
}

// Those that most others refer to; of equals what comes first by name. Counted, since objects for each take longer.
function neededPackages({ paths, referrers }: ReferenceGraph): readonly number[] {
  const having = new Uint32Array(1 + referrers.reduce((most, each) => Math.max(most, each), 0));
  for (const each of referrers) having[each] = (having[each] ?? 0) + 1;
  let least = having.length - 1;
  let room = mostPackages;
  for (; least > 0 && (having[least] ?? 0) <= room; least--) room -= having[least] ?? 0;
  const packages: number[] = [];
  const equals: { readonly node: number; readonly name: string }[] = [];
  for (let node = 0; node < paths.length; node++) {
    const each = referrers[node] ?? 0;
    if (each > least) packages.push(node);
    else if (each === least && least > 0)
      equals.push({ node, name: nameAndVersion(paths[node] ?? "") });
  }
  equals.sort((a, b) => compareBytes(a.name, b.name));
  return [...packages, ...equals.slice(0, room).map(({ node }) => node)];
}

// The rest goes to those it fits best, as they are before anything has gone to them: in whatever order.
function mostChanging(portions: readonly Portion[], { paths }: ReferenceGraph): Portion[] {
  const firstNames = new Map<Portion, string>();
  const byName = (a: Portion, b: Portion) => compareBytes(firstName(a), firstName(b));
  const kept = highest(
    portions.map((portion) => ({ portion, value: portion.size * portion.changes })),
    mostPortions,
    (a, b) => byName(a.portion, b.portion),
  );
  kept.sort((a, b) => b.value - a.value || byName(a.portion, b.portion));
  const most = kept.map(({ portion }) => portion);
  const isKept = new Set(most);
  const fitting = portions
    .filter((portion) => !isKept.has(portion))
    .map((portion) => [bestFor(portion, most), portion] as const);
  for (const [into, portion] of fitting) join(into, portion);
  return most;

  function firstName(portion: Portion): string {
    const known = firstNames.get(portion);
    if (known !== undefined) return known;
    const [first = ""] = portion.nodes
      .map((node) => nameAndVersion(paths[node] ?? ""))
      .sort(compareBytes);
    firstNames.set(portion, first);
    return first;
  }
}

function bestFor(portion: Portion, among: readonly Portion[]): Portion {
  let best = portion;
  let least = Infinity;
  for (let index = 0; index < among.length; index++) {
    const other = among[index] ?? portion;
    const cost = costOfJoining(other, portion);
    if (cost >= least) continue;
    best = other;
    least = cost;
  }
  return best;
}

// There are few, so that each pair is looked at again for each that is joined.
function joinCheapest(portions: Portion[]): void {
  let [into, from, least] = [0, 0, Infinity];
  for (let a = 0; a < portions.length; a++) {
    for (let b = a + 1; b < portions.length; b++) {
      const cost = costOfJoining(portions[a] as Portion, portions[b] as Portion); // in bounds
      if (cost >= least) continue;
      into = a;
      from = b;
      least = cost;
    }
  }
  const [gone] = portions.splice(from, 1);
  if (gone !== undefined) join(portions[into] ?? gone, gone);
}

function costOfJoining(a: Portion, b: Portion): number {
  const changes = a.others + b.others + ones(a.needs, b.needs);
  return a.size * (changes - a.changes) + b.size * (changes - b.changes);
}

function join(into: Portion, from: Portion): void {
  for (const node of from.nodes) into.nodes.push(node);
  into.size += from.size;
  into.others += from.others;
  for (let word = 0; word < into.needs.length; word++) {
    into.needs[word] = (into.needs[word] ?? 0) | (from.needs[word] ?? 0);
  }
  into.changes = into.others + ones(into.needs, into.needs);
}

/** How many bits are set in one of two, or in both. */
function ones(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < a.length; word++) {
    let bits = (a[word] ?? 0) | (b[word] ?? 0);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
