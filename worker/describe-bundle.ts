import { compareBytes } from "../core/bytewise.ts";
import {
  type LayerPlan,
  type PlannedBundle,
  type PlannedPart,
  roundedShare,
} from "./layer-plan.ts";
import type { Bundle } from "./plan-bundle.ts";
import type { SampledImage } from "./plan-sample.ts";

/** What descriptions are made from. */
export interface Described {
  /** What each node is called. */
  readonly names: readonly string[];
  readonly images: readonly SampledImage[];
  /** Parts that fewer of the images have are left out. */
  readonly support: number;
  /** The plan of an earlier pin, whose shares are kept while they are about right. */
  readonly previous: LayerPlan | undefined;
}

// The order of layers follows their shares. If these followed each new sample, so would that order in all images.
const aboutRight = 1.25;
// A part that was in the previous plan is left out when so many times fewer images have it than others need.
const fewerToLeave = 2;

/** Makes the function that writes learned bundles down by name, with the parts of them that images have. */
export function describer(from: Described): (bundle: Bundle) => PlannedBundle {
  const { images, support, previous: { bundles: before = [] } = {} } = from;
  const shares = new Map(before.map(({ names, share }) => [names.join(), share]));
  const partShares = new Map(
    before.flatMap(({ parts = [] }) => parts.map(({ names, share }) => [names.join(), share])),
  );

  return (bundle) => {
    const names = namesOf(bundle.members);
    const share = steady(bundle.images.length, shares.get(names.join()));
    return names.length === 1 ? { share, names } : { share, names, parts: partsOf(bundle) };
  };

  function partsOf(bundle: Bundle): readonly PlannedPart[] {
    const parts: PlannedPart[] = [];
    for (const [variant, count] of bundle.variantCounts.entries()) {
      if (count * fewerToLeave < support) continue;
      // Whichever of the images it is: all that have a variant have the same of the bundle.
      const inImage = new Set(images[bundle.images[bundle.variants.indexOf(variant)] ?? -1]);
      const names = namesOf(bundle.members.filter((node) => inImage.has(node)));
      const known = partShares.get(names.join());
      if (count >= support || known !== undefined)
        parts.push({ share: steady(count, known), names });
    }
    return parts;
  }

  function namesOf(nodes: readonly number[]): readonly string[] {
    return nodes.map((node) => from.names[node] ?? "").sort(compareBytes);
  }

  function steady(count: number, known = 0): number {
    const share = count / images.length;
    return share <= known * aboutRight && known <= share * aboutRight ? known : roundedShare(share);
  }
}
