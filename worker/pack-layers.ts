import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import type { Compression } from "../core/compression.ts";
import type { ImageLayer } from "../core/manifest.ts";
import { archive } from "./archive.ts";
import { describeLayer } from "./image-config.ts";
import type { Layer } from "./layers.ts";
import { layerKey, packLayer, reusableLayers, type PackTools } from "./pack.ts";

/** A layer of an image, and whether it was packed before. */
export type PackedLayer = ImageLayer & { readonly isReused: boolean };

/** Packs the layers of an image that are not there yet; `say` hears how many of them are there. */
export type PackLayers = (
  layers: readonly Layer[],
  compression: Compression,
  say: (done: number) => void,
  signal: AbortSignal,
) => Promise<readonly PackedLayer[]>;

export function createLayerPacking(tools: PackTools): PackLayers {
  // Compressing is what takes the cores, whichever build it is for.
  const packing = pLimit(availableParallelism());

  return async (groups, compression, say, signal) => {
    const keys = groups.map(({ paths }) => layerKey(paths, compression));
    const reusable = await reusableLayers(tools, keys);
    let done = reusable.size;
    say(done);
    // The first failure ends the others: what they would still store nobody will ask for.
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const packed = groups.map(async ({ paths }, i) => {
      const key = keys[i] ?? layerKey(paths, compression);
      const comment = describeLayer(paths);
      const known = reusable.get(key);
      if (known !== undefined) return { ...known, comment, isReused: true };
      return await packing(async () => {
        either.throwIfAborted();
        const entry = await packLayer(tools, key, compression, archive(paths), either);
        done += 1;
        say(done);
        return { ...entry, comment, isReused: false };
      }).catch((error: unknown) => {
        failing.abort(error);
        throw error;
      });
    });
    const ended = await Promise.allSettled(packed);
    failing.signal.throwIfAborted();
    return ended.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  };
}
