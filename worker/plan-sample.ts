import type { Edges } from "./graph.ts";
import { randomFrom } from "./random.ts";

/** An image that could be pulled: the nodes of its closure, ascending. */
export type SampledImage = Int32Array;

/** What images are sampled from. */
export interface SampleSource {
  readonly references: Edges;
  /** What each node is called; names are what is drawn by, so that they outlive versions. */
  readonly names: readonly string[];
  /** How likely each node is to be asked for, where it is not known from pulled images; any scale. */
  readonly weights: Float64Array;
  /** What was asked for in each image that was pulled; empty before there is a log. */
  readonly pulled: readonly (readonly number[])[];
}

// Before there is a log: images of 1 to 8 packages, most of them small.
const packagesWithoutLog = 8;
// Images that a package tries before it looks for the next that is not full.
const tries = 8;

/**
 * Images like those that were pulled, and that nobody pulled yet. They ask for as many packages as the pulled ones, and
 * each package is asked for as often as it was, or is a new one. How often it is a new one, the log tells: the share of
 * what was asked for once only (Good and Turing's estimate of what is unseen).
 *
 * How often a package comes, and in which images, depends on its name and its weight, and hardly on other packages:
 * one package more, or one image pulled more, leaves nearly all images as they were.
 */
export function sampleImages(
  { references, names, weights, pulled }: SampleSource,
  count: number,
  seed: number,
): readonly SampledImage[] {
  const asked = new Map<number, number>();
  for (const node of pulled.flat()) asked.set(node, (asked.get(node) ?? 0) + 1);
  const always = [...asked]
    .filter(([, times]) => times === pulled.length && times > 1)
    .map(([node]) => node);
  for (const node of always) asked.delete(node);
  const room = imageSizes(pulled, count).map((size) => Math.max(0, size - always.length));
  const roots = room.map(() => new Set(always));
  const slots = room.reduce((sum, size) => sum + size, 0);
  // What fits nowhere never will, and in a small set that is most of what is drawn.
  const nowhere = new Set<number>();
  for (const { node, seeds } of tickets(expected(asked, weights, slots), names, seed)) {
    if (nowhere.has(node)) continue;
    const hasRoom = (place: number) =>
      (roots[place]?.size ?? 0) - always.length < (room[place] ?? 0) &&
      roots[place]?.has(node) !== true;
    const tried = seeds.map((each) => Math.floor(each * count));
    const place = tried.find(hasRoom) ?? nextFrom(tried.at(-1) ?? 0, hasRoom, count);
    if (place === undefined) nowhere.add(node);
    else roots[place]?.add(node);
  }
  const closureOf = closures(references);
  return roots.map((each) => closureOf([...each]));
}

// The first that has room, from a place on, and from the start again.
function nextFrom(start: number, hasRoom: (place: number) => boolean, count: number) {
  for (let step = 1; step < count; step++) {
    const place = (start + step) % count;
    if (hasRoom(place)) return place;
  }
  return undefined;
}

// As many of each size as there were, by rank, so that one pulled image more moves hardly any.
function imageSizes(pulled: readonly (readonly number[])[], count: number): readonly number[] {
  const sizes = pulled.map((each) => each.length).sort((a, b) => a - b);
  return Array.from({ length: count }, (_, index) => {
    const at = (index + 0.5) / count;
    return sizes[Math.floor(at * sizes.length)] ?? 1 + Math.floor(at ** 2 * packagesWithoutLog);
  });
}

// How often each node is to come.
function expected(asked: ReadonlyMap<number, number>, weights: Float64Array, slots: number) {
  const times = [...asked.values()];
  const total = times.reduce((sum, each) => sum + each, 0);
  const unseen = total === 0 ? 1 : times.filter((each) => each === 1).length / total;
  // What is left to the seen ones is taken from each alike, so that the frequent keep their lead.
  const discount = (unseen * total) / Math.max(1, times.length);
  const left = (node: number) => Math.max(0, (asked.get(node) ?? 0) - discount);
  const seenWeight = [...asked.keys()].reduce((sum, node) => sum + left(node), 0);
  const newWeight = weights.reduce((sum, each, node) => sum + (asked.has(node) ? 0 : each), 0);
  const newSlots = seenWeight === 0 ? slots : unseen * slots;
  return weights.map((weight, node) =>
    asked.has(node)
      ? ((slots - newSlots) * left(node)) / Math.max(seenWeight, Number.MIN_VALUE)
      : (newSlots * weight) / Math.max(newWeight, Number.MIN_VALUE),
  );
}

interface Ticket {
  readonly node: number;
  readonly order: number;
  /** Numbers below 1 that say which image it goes into, then which if that is full. */
  readonly seeds: readonly number[];
}

// A node that is to come 2.3 times comes twice or three times, which its name decides.
function tickets(times: Float64Array, names: readonly string[], seed: number): readonly Ticket[] {
  const drawn: Ticket[] = [];
  for (let node = 0; node < times.length; node++) {
    const random = randomFrom(hashOf(names[node] ?? "", seed));
    const come = Math.floor((times[node] ?? 0) + random());
    for (let time = 0; time < come; time++) {
      drawn.push({ node, order: random(), seeds: Array.from({ length: tries }, random) });
    }
  }
  return drawn.sort((a, b) => a.order - b.order || a.node - b.node);
}

// FNV-1a.
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Reads closures off a graph, faster than with a set for each. */
export function closures({ offsets, targets }: Edges): (roots: readonly number[]) => Int32Array {
  const seenIn = new Uint32Array(offsets.length);
  const found = new Int32Array(offsets.length);
  let round = 0;
  return (roots) => {
    round++;
    let count = 0;
    for (const root of roots) {
      if (seenIn[root] === round) continue;
      seenIn[root] = round;
      found[count++] = root;
    }
    for (let index = 0; index < count; index++) {
      const node = found[index] ?? 0;
      for (let edge = offsets[node] ?? 0; edge < (offsets[node + 1] ?? 0); edge++) {
        const target = targets[edge] ?? 0;
        if (seenIn[target] === round) continue;
        seenIn[target] = round;
        found[count++] = target;
      }
    }
    return found.slice(0, count).sort();
  };
}
