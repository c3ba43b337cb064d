import { anythingGoes } from "../../core/build-policy.ts";
import type { ImageOptions } from "../../core/build-key.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import type { Log } from "../../core/log.ts";
import type { StoredManifest } from "../../core/record.ts";
import { createBuild } from "../../worker/build.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { replayedNix, type Replay } from "./replayed-nix.ts";

/** Builds an image out of what Nix answered before, into a folder of its own; all but Nix is what a worker runs. */
export async function buildReplay(
  replay: Replay,
  options: ImageOptions,
  folder: string,
  log: Log = () => undefined,
): Promise<StoredManifest> {
  using database = openDatabase(folder);
  const build = createBuild({
    nix: replayedNix(replay),
    blobs: createLocalBlobStore(folder),
    layers: createLocalLayerCache(database),
    options,
    policy: anythingGoes,
    popularity: noPopularity,
    timeLimitMs: 60_000,
    log,
  });
  const signal = new AbortController().signal;
  const settlement = await build(replay.request, () => undefined, signal);
  if (settlement.state !== "ready") throw new Error(JSON.stringify(settlement.failure));
  return settlement.manifest;
}
