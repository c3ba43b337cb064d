import { compareBytes } from "../core/bytewise.ts";
import type { LayerPlan, PlannedBundle } from "./layer-plan.ts";

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
  /** What images have of it, in an order that depends on names alone; none where nothing is known of that. */
  readonly parts: readonly IndexedPart[];
  /**
   * The share of all images that are expected to have just these names of it; 0 where hardly one has. Where nothing is
   * known of parts, of those that have something of it.
   */
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
  const bundles = plan.bundles.map((bundle) => indexed(bundle, idOf));
  const index = { ids, bundleOf: Int32Array.from(bundleOf), bundles };
  indices.set(plan, index);
  return index;
}

function indexed(
  { names: [name = ""], share, parts: known }: PlannedBundle,
  idOf: (name: string) => number,
): IndexedBundle {
  if (known === undefined) return { name, parts: [], shareOf: () => share };
  const parts = known
    .map((part) => ({ names: part.names.toSorted(compareBytes), share: part.share }))
    .sort((a, b) => compareBytes(a.names.join(), b.names.join()))
    .map((part) => ({ ids: part.names.map(idOf).sort((a, b) => a - b), share: part.share }));
  const shares = new Map(parts.map((part) => [keyOf(part.ids), part.share]));
  return { name, parts, shareOf: (ids) => shares.get(keyOf(ids)) ?? 0 };
}

function keyOf(ids: readonly number[]): string {
  return ids.join();
}
