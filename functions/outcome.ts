import { LRUCache } from "lru-cache";
import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import type { Image } from "../core/image.ts";
import type { Log } from "../core/log.ts";
import type { Pin } from "../core/package-set.ts";
import type { BuildCache, Clock, JobQueue } from "../core/ports.ts";
import {
  isSettled,
  type BuildRecord,
  type BuildRequest,
  type SettledRecord,
} from "../core/record.ts";
import { requestBuild } from "../core/request-build.ts";
import { keptInMemoryMs } from "../core/retention.ts";
import type { Waiting } from "./waiting.ts";

export interface OutcomeTools {
  readonly cache: BuildCache;
  readonly queue: JobQueue;
  readonly waiting: Waiting;
  readonly options: ImageOptions;
  readonly now: Clock;
  readonly log: Log;
}

/** The end of the time that a pull is held; asked for only where there is something to wait for, such as a build. */
export type Deadline = (key?: BuildKey) => AbortSignal;

/** What came of one image within the time its pull was held. */
export type Outcome = SettledRecord | { readonly state: "pending"; readonly key: BuildKey };

/** An image is not there, and whoever asked for it may not have it built. */
export class NotBuilt extends Error {
  override readonly name = "NotBuilt";
}

/** What may be done for whoever asks. */
export interface Asker {
  readonly mayBuild: boolean;
  /** Why the image is not built for anybody; undefined where it may be. Asked only where it is not there. */
  readonly refusal: () => string | undefined;
}

/** Records kept in the process: about 20 KB each at the most, 64 MB in all; an image may be made anew, though seldom. */
const kept = { maxSize: 64 * 1024 * 1024, ttl: keptInMemoryMs, ttlResolution: 0 };

/**
 * What came of images: from memory, from their records, or, for those who may, by having them built; for others it throws
 * `NotBuilt` where nobody has. What may not be built is a failure that is written down nowhere, so that it is one no
 * longer than that.
 */
export interface Outcomes {
  /** `deadline` is asked for only where there is something to wait for. */
  find(image: Image, pin: Pin, deadline: Deadline, asker: Asker): Promise<Outcome>;
  /** What is in memory of a build is no longer true. */
  forget(key: BuildKey): void;
}

export function createOutcomes(tools: OutcomeTools): Outcomes {
  const { cache, waiting, options, now } = tools;
  const ready = new LRUCache<BuildKey, SettledRecord & { state: "ready" }>({
    ...kept,
    perf: { now },
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

  async function find(
    image: Image,
    pin: Pin,
    deadline: Deadline,
    { mayBuild, refusal }: Asker,
  ): Promise<Outcome> {
    const key = buildKey(image, pin, options);
    const warm = ready.get(key);
    if (warm !== undefined) return warm;
    // It is as old as when it was asked for.
    const start = now();
    const record = await cache.read(key);
    const refused = record?.state === "ready" ? undefined : refusal();
    if (refused !== undefined) return notAllowed({ key, image, pin }, refused, start);
    const settled =
      record?.state === "ready"
        ? record
        : await (mayBuild
            ? build(key, image, pin, deadline(key))
            : join(key, record, deadline(key)));
    if (settled?.state === "ready") ready.set(key, settled, { start });
    return settled ?? { state: "pending", key };
  }

  return { find, forget: (key) => void ready.delete(key) };
}

function notAllowed(request: BuildRequest, message: string, now: number): SettledRecord {
  const failure = { reason: "not-allowed", message, log: [] } as const;
  const times = { requestedAt: now, settledAt: now, retryAt: now };
  return { ...request, ...times, lane: "pull", attempt: 1, state: "failed", failure };
}
