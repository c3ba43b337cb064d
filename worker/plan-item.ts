import type { IndexedBundle } from "./plan-index.ts";

/** What may be a layer of an image. */
export interface Item extends Having {
  /** Share of all images that are expected to have it as a layer: just this of its bundle, not more and not less. */
  readonly share: number;
  readonly size: number;
  /** Bytes that a layer of its own is expected to save. */
  readonly value: number;
}

/** What an image has of a bundle, or a part of that; or a path that is not planned. */
export interface Having {
  readonly bundle: IndexedBundle | undefined;
  readonly nodes: readonly number[];
  /** The numbers of what the plan calls these, ascending. */
  readonly ids: readonly number[];
}

/** Bytes that a layer of its own has to save. */
export const worthALayer = 30_000;

// How many images a registry holds and a client pulls, and what a byte fetched weighs against one stored.
const [stored, pulls, fetched] = [300, 10, 1];
// The chance that the rest of an image changes while a layer does not, and would be stored and fetched again with it.
const apart = 0.15;

export function itemOf({ bundle, nodes, ids }: Having, share: number, sizes: Float64Array): Item {
  let size = 0;
  for (const node of nodes) size += sizes[node] ?? 0;
  return { bundle, nodes, ids, share, size, value: size * saving(share) };
}

/** What a layer saves for each byte in it: others have it stored already, and clients have fetched it. */
export function saving(share: number): number {
  return 1 - Math.exp(-stored * share) + fetched * (1 - Math.exp(-pulls * share)) + apart;
}
