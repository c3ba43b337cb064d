import { availableParallelism } from "node:os";
import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import { compressions, type Compression } from "../core/compression.ts";
import type { Log } from "../core/log.ts";
import type { ImageLayer } from "../core/manifest.ts";
import type { LayerEntry } from "../core/ports.ts";
import type { ArchiveOptions, Slice } from "./archive.ts";
import { nodeCompressors, type SegmentCompressor } from "./compress.ts";
import type { Layer } from "./layers.ts";
import { makeLayer, type LayerTools } from "./make-layer.ts";
import { layerKey, reusableLayers, type PackTools } from "./pack.ts";
import { createPackThreads } from "./pack-threads.ts";
import { createSegmentBatches } from "./segment-batches.ts";
import type { SegmentCache } from "./segment-cache.ts";
import { isDiskFull, segmentTroubleOf } from "./segment-trouble.ts";
import type { SizedSlice } from "./slices.ts";
import { largestFirst, splitLayers } from "./split-layers.ts";

/** How this worker packs. */
export interface Packing {
  readonly compressors: Readonly<Record<Compression, SegmentCompressor>>;
  readonly cache: SegmentCache | undefined;
}

/** What to pack: layers, lowest first, at most `budget` after large ones were split. */
export interface ToPack {
  readonly layers: readonly Layer[];
  readonly budget: number;
  /** Of each store path, in bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly compression: Compression;
}

/** A layer of an image, and whether it was packed before. */
export type PackedLayer = ImageLayer & { readonly isReused: boolean };

/** Packs the layers of an image that are not there yet; `say` hears how many of them are there. */
export type PackLayers = (
  image: ToPack,
  say: (done: number, total: number) => void,
  signal: AbortSignal,
) => Promise<readonly PackedLayer[]>;

export interface LayerPackingTools extends PackTools {
  /** Left out: what Node brings, and nothing is kept. */
  readonly packing?: Packing | undefined;
  readonly log: Log;
  readonly archive?: ArchiveOptions;
}

// Store paths of more than a layer's size; looking through one takes some ten milliseconds.
const knownSlices = 1000;

export function createLayerPacking(tools: LayerPackingTools): PackLayers {
  const { blobs, layers, log, archive = {} } = tools;
  const { compressors, cache } = tools.packing ?? {
    compressors: nodeCompressors,
    cache: undefined,
  };
  const cores = availableParallelism();
  // Reading and hashing, compressing, and hashing what became of it: each has as many at once as there are cores.
  const threads = createPackThreads(cores);
  const joining = pLimit(cores);
  const batchesBy = new Map(
    compressions.map((each) => [each, createSegmentBatches(compressors[each], cores)]),
  );
  const slices = new LRUCache<string, readonly SizedSlice[]>({ max: knownSlices });

  return async ({ layers: groups, budget, sizes, compression }, say, signal) => {
    const compressor = compressors[compression];
    const batches = batchesBy.get(compression) ?? createSegmentBatches(compressor, cores);
    const slicesOf = async (path: string, limit: number) => {
      const known = slices.get(path);
      if (known !== undefined) return known;
      const ask = { ...archive, path, limit };
      const found = await threads.use((thread) => thread.ask("slices", ask, signal));
      slices.set(path, found);
      return found;
    };
    const split = await splitLayers(groups, { budget, sizes, slicesOf });
    const keyed = split.map(({ slices: held, comment }) => ({
      held,
      comment,
      key: layerKey(held, compressor.name),
    }));
    const reusable = await reusableLayers(
      tools,
      keyed.map(({ key }) => key),
    );
    let done = reusable.size;
    say(done, keyed.length);
    // The first failure ends the others: what they would still store nobody will ask for.
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const making = { blobs, compressor, batches, threads, joining, cache, archive };
    const packed = Array<Promise<PackedLayer>>(keyed.length);
    for (const place of largestFirst(split)) {
      const layer = keyed[place];
      if (layer !== undefined) packed[place] = packOne(layer);
    }
    const ended = await Promise.allSettled(packed);
    failing.signal.throwIfAborted();
    return ended.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));

    async function packOne({ held, comment, key }: (typeof keyed)[number]): Promise<PackedLayer> {
      const known = reusable.get(key);
      if (known !== undefined) return described(known, comment, true);
      try {
        const entry = await makeOrRemake(held, making, either);
        await layers.write(key, entry);
        done += 1;
        say(done, keyed.length);
        return described(entry, comment, false);
      } catch (error) {
        failing.abort(error);
        throw error;
      }
    }
  };

  // A damaged segment is made anew; where that does not help, it goes without the cache and its disk.
  async function makeOrRemake(
    held: readonly Slice[],
    making: LayerTools,
    signal: AbortSignal,
  ): Promise<LayerEntry> {
    const ways = [making, making, { ...making, cache: undefined }];
    for (;;) {
      const way = ways.shift() ?? making;
      try {
        return await makeLayer(held, way, signal);
      } catch (error) {
        if (isDiskFull(error) && way.cache !== undefined && !signal.aborted) {
          // What is kept so that others are faster may be in the way of what has to be stored.
          await way.cache.clear();
          ways.splice(0, ways.length - 1);
          log("WARNING", "the disk is full: a layer is packed once more, without kept segments");
          continue;
        }
        const trouble = segmentTroubleOf(error);
        if (trouble === undefined || signal.aborted || ways.length === 0) throw error;
        log("WARNING", `a layer is packed once more: ${trouble.message}`);
      }
    }
  }
}

function described(entry: LayerEntry, comment: string, isReused: boolean): PackedLayer {
  const { digest, size, diffId } = entry;
  return { digest, size, diffId, comment, isReused };
}
