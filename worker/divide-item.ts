import { type Item, itemOf } from "./plan-item.ts";

// What an image has of a bundle may be what few images have, and hold a part that more have: as a layer of its own, that
// part is there already.

export interface Dividing {
  /** Of each node, in bytes. */
  readonly sizes: Float64Array;
  /** What one more layer costs: the bytes that a layer saves whose place it takes. */
  readonly price: number;
}

// Of the images that have the same of a bundle so many are expected to divide it as well.
const alike = 0.5;

/**
 * Divides an item into a part that images have and the rest, where that saves more than one more layer costs, and both
 * again. Answers with the item itself where nothing is gained.
 */
export function divided(item: Item, dividing: Dividing): readonly Item[] {
  const halves = bestHalves(item, dividing);
  if (halves === undefined || savedBy(halves, dividing.price) <= item.value) return [item];
  return halves.flatMap((half) => divided(half, dividing));
}

// Of all parts that images have the one by which most is saved, and the rest.
function bestHalves(item: Item, { sizes, price }: Dividing): readonly [Item, Item] | undefined {
  const { bundle, ids: all } = item;
  if (bundle === undefined) return undefined;
  // A layer of a part has to be in more images than one of all. Of most items no part is, and nothing else is asked.
  const least = (1 - alike) * item.share;
  const parts = bundle.parts.filter(({ ids, share }) => share > least && ids.length < all.length);
  if (parts.length === 0) return undefined;
  const nodes = new Map(all.map((id, index) => [id, item.nodes[index] ?? 0]));
  const half = (ids: readonly number[], share: number) => {
    const having = { bundle, nodes: ids.map((id) => nodes.get(id) ?? 0), ids };
    return itemOf(having, share + alike * item.share, sizes);
  };
  let best: readonly [Item, Item] | undefined;
  for (const { ids, share } of parts) {
    if (!ids.every((id) => nodes.has(id))) continue;
    const isInPart = new Set(ids);
    const rest = all.filter((id) => !isInPart.has(id));
    const halves = [half(ids, share), half(rest, bundle.shareOf(rest))] as const;
    if (best === undefined || savedBy(halves, price) > savedBy(best, price)) best = halves;
  }
  return best;
}

// The item had one layer; what of the two saves less than the price of another gets none.
function savedBy([first, second]: readonly [Item, Item], price: number): number {
  const least = Math.min(first.value, second.value);
  return Math.max(first.value, second.value) + Math.max(0, least - price);
}
