import { type Bundle, bundleOf } from "../../worker/plan-bundle.ts";

/** How many images tests of bundling have. */
export const imageCount = 200;

/** A layer costs a byte's worth for each byte if many have it, and next to nothing if few do. */
export const costOfByte = Float64Array.from(
  { length: imageCount + 1 },
  (_, count) => count / (count + 20),
);

/** A bundle of one path, of so many bytes, which so many paths have to be there for. */
export function single(
  node: number,
  images: ArrayLike<number>,
  { size = 100_000, needs = 1 } = {},
): Bundle {
  const closure = Int32Array.from({ length: needs }, (_, i) => node + 100 * i);
  return bundleOf([node], size, Int32Array.from(images), closure, costOfByte);
}
