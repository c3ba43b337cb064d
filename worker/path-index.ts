import type { StorePath } from "../core/ports.ts";

// What takes the time in reading a closure is strings: sorting 60,000 paths and looking 240,000 up in a map takes
// longer than all that is done with the graph. Store paths begin with a hash, a few characters of which nearly always
// tell them apart, so that numbers are sorted and compared, and whole strings only to be certain. They are looked at in
// the order in which they came, which is that in memory.

export interface PathIndex {
  /** Sorted, each once. */
  readonly texts: readonly string[];
  /** Where in the closure each of them is; of two entries for one path the first. */
  readonly places: Int32Array;
  /** The index of a path in `texts`, or -1. */
  readonly indexOf: (path: string) => number;
}

/** Sorts the paths of a closure, to find them by number. */
export function indexPaths(closure: readonly StorePath[]): PathIndex {
  const received = closure.map(({ path }) => path);
  const start = sharedFolder(received);
  const { order, keys } = sorted(received, start);
  const indices = new Int32Array(received.length);
  const texts: string[] = [];
  const places = new Int32Array(received.length);
  for (let at = 0; at < order.length; at++) {
    const place = order[at] ?? 0;
    const text = received[place] ?? "";
    // Only what has the same key can be the same, and numbers are at hand.
    if (at === 0 || keys[at] !== keys[at - 1] || text !== texts[texts.length - 1]) {
      places[texts.length] = place;
      texts.push(text);
    }
    indices[place] = texts.length - 1;
  }
  const placeOf = placesOf(received, start);
  const indexOf = (path: string) => indices[placeOf(path)] ?? -1;
  return { texts, places: places.subarray(0, texts.length), indexOf };
}

// Where the hashes start: after the folder that all are in, if there is one.
function sharedFolder(texts: readonly string[]): number {
  const [first = ""] = texts;
  const folder = first.slice(0, first.lastIndexOf("/") + 1);
  return texts.every((path) => path.startsWith(folder)) ? folder.length : 0;
}

// Five characters of seven bits and a place of 18 are a number that is still exact.
const [keyLength, placeBits] = [5, 18];

/** Places in the order of their texts, and the numbers that stand for the first characters, in that order. */
function sorted(texts: readonly string[], start: number) {
  const keys = new Float64Array(texts.length);
  const order = new Int32Array(texts.length);
  const characters = texts.length > 2 ** placeBits ? 0 : keyLength;
  for (let place = 0; place < texts.length; place++) {
    const text = texts[place] ?? "";
    let key = 0;
    for (let at = start; at < start + characters; at++) {
      key = key * 128 + (at < text.length ? Math.min(127, text.charCodeAt(at)) : 0);
    }
    keys[place] = key * 2 ** placeBits + place;
  }
  keys.sort();
  for (let index = 0; index < keys.length; index++) {
    order[index] = (keys[index] ?? 0) % 2 ** placeBits;
    keys[index] = Math.floor((keys[index] ?? 0) / 2 ** placeBits);
  }
  // What the characters do not tell apart.
  for (let from = 0, to = 1; from < order.length; from = to++) {
    while (to < order.length && keys[to] === keys[from]) to++;
    if (to - from > 1) order.subarray(from, to).sort(byText);
  }
  return { order, keys };

  // Nix allows ASCII alone in store paths, where the order of `<` is that of bytes, and it is several times faster.
  function byText(a: number, b: number): number {
    const [left = "", right = ""] = [texts[a], texts[b]];
    if (left === right) return a - b;
    return left < right ? -1 : 1;
  }
}

// Of a hash this many characters are enough. Where they are not, twice as many are tried.
const hashLength = 7;
// Steps for each path beyond which too many have the same slot.
const patience = 8;

// The place of a path, or -1; of two places of one path, either. Slots hold places, and what is taken moves on to the next.
function placesOf(texts: readonly string[], start: number): (path: string) => number {
  const longest = texts.reduce((length, text) => Math.max(length, text.length), 0);
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * texts.length + 1)));
  const mask = slots.length - 1;
  let length = hashLength;
  while (!fill(start + length < longest ? patience * texts.length : Infinity)) length *= 2;
  return (path) => {
    for (let slot = slotOf(path); ; slot = (slot + 1) & mask) {
      const place = slots[slot] ?? -1;
      if (place === -1 || texts[place] === path) return place;
    }
  };

  function fill(steps: number): boolean {
    slots.fill(-1);
    for (let place = 0; place < texts.length; place++) {
      let slot = slotOf(texts[place] ?? "");
      while (slots[slot] !== -1) {
        slot = (slot + 1) & mask;
        if (--steps < 0) return false;
      }
      slots[slot] = place;
    }
    return true;
  }
  function slotOf(text: string): number {
    let hash = 0;
    const end = Math.min(text.length, start + length);
    for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + text.charCodeAt(at);
    return (Math.imul(hash, 0x9e3779b1) >>> 7) & mask;
  }
}
