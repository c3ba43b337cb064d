import type { Slice } from "./archive.ts";
import { describeLayer } from "./image-config.ts";
import type { Layer } from "./layers.ts";
import type { SizedSlice } from "./slices.ts";

/** A layer as it is packed. */
export interface SplitLayer {
  /** In the order of the archive. */
  readonly slices: readonly Slice[];
  /** In bytes, as far as those of its store paths are known. */
  readonly size: number;
  /** Says in a few words what it holds. */
  readonly comment: string;
}

export interface Splitting {
  /** The most layers there may be; what it has no room for stays in larger layers. */
  readonly budget: number;
  /** Of each store path, in bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Cuts a store path at the borders of its files. */
  readonly slicesOf: (path: string, limit: number) => Promise<readonly SizedSlice[]>;
}

/**
 * What a layer, and a slice of a store path, should have at the most, in bytes of tar: 64 MB or less once compressed,
 * by the ratio that programs and libraries have. Layers that large were pulled fastest, those of 300 MB half as fast.
 */
export const splitBytes = 128 * 1024 * 1024;

/**
 * Splits layers that are too large, between store paths or between the files of one, in the order they had. Where the
 * budget has no room for that, the largest come first, and are split into pieces of twice, four times, ... that size.
 */
export async function splitLayers(
  layers: readonly Layer[],
  { budget, sizes, slicesOf }: Splitting,
): Promise<readonly SplitLayer[]> {
  const atoms = await Promise.all(
    layers.map(async ({ paths, size }) => {
      const cut = paths.map(async (path) => {
        const whole = [{ slice: { path }, size: sizes.get(path) ?? 0 }];
        const isSmall = size <= splitBytes || (sizes.get(path) ?? 0) <= splitBytes;
        return isSmall ? whole : await slicesOf(path, splitBytes);
      });
      return (await Promise.all(cut)).flat();
    }),
  );
  const pieces = atoms.map((each) => [each]);
  let room = budget - layers.length;
  const bySize = [...layers.entries()].sort(([i, a], [j, b]) => b.size - a.size || i - j);
  for (const [index, { size }] of bySize) {
    if (size <= splitBytes) break;
    for (let limit = splitBytes; limit < size; limit *= 2) {
      const split = filled(atoms[index] ?? [], limit);
      if (split.length - 1 > room) continue;
      room -= split.length - 1;
      pieces[index] = split;
      break;
    }
  }
  return pieces.flatMap((split) =>
    split.map((piece, i) => {
      const slices = piece.map(({ slice }) => slice);
      const paths = [...new Set(slices.map(({ path }) => path))];
      const which = split.length === 1 ? "" : `, part ${i + 1} of ${split.length}`;
      const bytes = piece.reduce((sum, atom) => sum + atom.size, 0);
      return { slices, size: bytes, comment: `${describeLayer(paths)}${which}` };
    }),
  );
}

/**
 * The places of layers in the order in which they are best begun: what is begun last runs beside nothing else for a
 * while, and should be small.
 */
export function largestFirst(layers: readonly Pick<SplitLayer, "size">[]): readonly number[] {
  const sized = layers.map(({ size }, place) => ({ size, place }));
  return sized.sort((a, b) => b.size - a.size || a.place - b.place).map(({ place }) => place);
}

function filled(atoms: readonly SizedSlice[], limit: number): SizedSlice[][] {
  const pieces: SizedSlice[][] = [];
  let sum = Infinity;
  for (const atom of atoms) {
    if (sum + atom.size > limit) {
      pieces.push([]);
      sum = 0;
    }
    sum += atom.size;
    pieces.at(-1)?.push(atom);
  }
  return pieces;
}
