import { LRUCache } from "lru-cache";
import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import type { Image } from "../core/image.ts";
import type { Log } from "../core/log.ts";
import type { Pin } from "../core/package-set.ts";
import type { BuildCache, JobQueue } from "../core/ports.ts";
import { isSettled, type BuildRecord, type SettledRecord } from "../core/record.ts";
import { requestBuild } from "../core/request-build.ts";
import type { Waiting } from "./waiting.ts";

export interface OutcomeTools {
  readonly cache: BuildCache;
  readonly queue: JobQueue;
  readonly waiting: Waiting;
  readonly options: ImageOptions;
  readonly log: Log;
}

/** What came of one image within the time its pull was held. */
export type Outcome = SettledRecord | { readonly state: "pending"; readonly key: BuildKey };

/** An image is not there, and whoever asked for it may not have it built. */
export class NotBuilt extends Error {
  override readonly name = "NotBuilt";
}

/** Records kept in the process: about 20 KB each at the most, 64 MB in all; an image may be made anew, though seldom. */
const kept = { max: 20_000, maxSize: 64 * 1024 * 1024, ttl: 60 * 60_000 };

/**
 * Makes the function that finds out what came of an image: from memory, from its record, or, for those who may, by having
 * it built; for others it throws `NotBuilt` where nobody has.
 * `deadline` is asked for only where there is something to wait for.
 */
export function createOutcomes(tools: OutcomeTools) {
  const { cache, waiting, options } = tools;
  const ready = new LRUCache<BuildKey, SettledRecord & { state: "ready" }>({
    ...kept,
    sizeCalculation: ({ manifest }) => manifest.bytes.byteLength + 1000,
  });

  /** Starts the build or joins it, and waits. */
  async function build(key: BuildKey, image: Image, pin: Pin, signal: AbortSignal) {
    const asked = await requestBuild(tools, { key, image, pin }, "pull");
    if (isSettled(asked)) return asked;
    using wait = waiting.join(key);
    return await wait.settled(signal);
  }

  /** Waits where others had it begun; what has failed is told, and not begun again. */
  async function join(key: BuildKey, record: BuildRecord | undefined, signal: AbortSignal) {
    if (record === undefined) throw new NotBuilt();
    if (isSettled(record)) return record;
    using wait = waiting.join(key);
    return await wait.settled(signal);
  }

  return async (
    image: Image,
    pin: Pin,
    deadline: () => AbortSignal,
    mayBuild: boolean,
  ): Promise<Outcome> => {
    const key = buildKey(image, pin, options);
    const warm = ready.get(key);
    if (warm !== undefined) return warm;
    const record = await cache.read(key);
    const settled =
      record?.state === "ready"
        ? record
        : await (mayBuild ? build(key, image, pin, deadline()) : join(key, record, deadline()));
    if (settled?.state === "ready") ready.set(key, settled);
    return settled ?? { state: "pending", key };
  };
}
