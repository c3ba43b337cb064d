import { LRUCache } from "lru-cache";
import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import type { Image } from "../core/image.ts";
import type { Log } from "../core/log.ts";
import type { Pin } from "../core/package-set.ts";
import type { BuildCache, JobQueue } from "../core/ports.ts";
import { isSettled, type SettledRecord } from "../core/record.ts";
import { requestBuild } from "../core/request-build.ts";
import type { Waiting } from "./waiting.ts";

export interface OutcomeTools {
  readonly cache: BuildCache;
  readonly queue: JobQueue;
  readonly waiting: Waiting;
  readonly options: ImageOptions;
  readonly log: Log;
}

/** The end of the time that a pull is held; asked for only where there is something to wait for, such as a build. */
export type Deadline = (key?: BuildKey) => AbortSignal;

/** What came of one image within the time its pull was held. */
export type Outcome = SettledRecord | { readonly state: "pending"; readonly key: BuildKey };

/** Records kept in the process: about 20 KB each at the most, 64 MB in all; an image may be made anew, though seldom. */
const kept = { max: 20_000, maxSize: 64 * 1024 * 1024, ttl: 60 * 60_000 };

/**
 * Makes the function that finds out what came of an image: from memory, from its record, or by having it built.
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

  return async (image: Image, pin: Pin, deadline: Deadline): Promise<Outcome> => {
    const key = buildKey(image, pin, options);
    const warm = ready.get(key);
    if (warm !== undefined) return warm;
    const record = await cache.read(key);
    const settled =
      record?.state === "ready" ? record : await build(key, image, pin, deadline(key));
    if (settled?.state === "ready") ready.set(key, settled);
    return settled ?? { state: "pending", key };
  };
}
