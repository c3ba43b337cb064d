import { compareBytes } from "../core/bytewise.ts";
import type { LayerPlan, PlannedPart } from "./layer-plan.ts";

/** A plan as it is looked things up in: its names are numbers. */
export interface PlanIndex {
  readonly ids: ReadonlyMap<string, number>;
  /** The bundle that each name is in. */
  readonly bundleOf: Int32Array;
  readonly bundles: readonly IndexedBundle[];
}

export interface IndexedBundle {
  /** The first of its names. */
  readonly name: string;
  /** Share of all images that are expected to have something of it. */
  readonly share: number;
  /** What images have of it; undefined where nothing is known of that. */
  readonly parts: IndexedParts | undefined;
}

export interface IndexedParts {
  /** In an order that depends on names alone. */
  readonly listed: readonly IndexedPart[];
  /** The share of all images that are expected to have just these names of the bundle; 0 where hardly one has. */
  readonly shareOf: (ids: readonly number[]) => number;
}

export interface IndexedPart {
  /** Ascending. */
  readonly ids: readonly number[];
  readonly share: number;
}

const indices = new WeakMap<LayerPlan, PlanIndex>();

/** Made once a plan: it is looked up for every image, and plans are long. */
export function indexOfPlan(plan: LayerPlan): PlanIndex {
  const known = indices.get(plan);
  if (known !== undefined) return known;
  const ids = new Map<string, number>();
  const bundleOf: number[] = [];
  for (const [bundle, { names }] of plan.bundles.entries()) {
    for (const name of names) {
      ids.set(name, bundleOf.length);
      bundleOf.push(bundle);
    }
  }
  const idOf = (name: string) => ids.get(name) ?? -1;
  const bundles = plan.bundles.map(({ share, names: [name = ""], parts }) => ({
    name,
    share,
    parts: parts && indexedParts(parts, idOf),
  }));
  const index = { ids, bundleOf: Int32Array.from(bundleOf), bundles };
  indices.set(plan, index);
  return index;
}

function indexedParts(parts: readonly PlannedPart[], idOf: (name: string) => number): IndexedParts {
  const listed = parts
    .map(({ names, share }) => ({ names: names.toSorted(compareBytes), share }))
    .sort((a, b) => compareBytes(a.names.join(), b.names.join()))
    .map(({ names, share }) => ({ ids: names.map(idOf).sort((a, b) => a - b), share }));
  const shares = new Map(listed.map(({ ids, share }) => [keyOf(ids), share]));
  return { listed, shareOf: (ids) => shares.get(keyOf(ids)) ?? 0 };
}

function keyOf(ids: readonly number[]): string {
  return ids.join();
}
