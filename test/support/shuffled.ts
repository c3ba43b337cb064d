import type { StorePath } from "../../core/ports.ts";

/** The same in another order. */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const keyed = list.map((value) => ({ value, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}

/** The same closure, listed in another order, and so the references of each path. */
export function reordered(closure: readonly StorePath[], random: () => number): StorePath[] {
  return shuffled(closure, random).map(({ path, size, references }) => ({
    path,
    size,
    references: shuffled(references, random),
  }));
}
