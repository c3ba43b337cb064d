import { LRUCache } from "lru-cache";
import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import type { Image } from "../core/image.ts";
import type { Log } from "../core/log.ts";
import type { Pin } from "../core/package-set.ts";
import type { BuildCache, Clock, JobQueue } from "../core/ports.ts";
import {
  begins,
  isSettled,
  type BuildRecord,
  type BuildRequest,
  type SettledRecord,
} from "../core/record.ts";
import { requestBuild } from "../core/request-build.ts";
import { keptInMemoryMs } from "../core/retention.ts";
import type { Asking } from "./asking.ts";
import { firstOf } from "./first-of.ts";
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

/** On what terms an image is built. */
export interface BuildTerms {
  /** Who has it begun where nobody has; undefined: it may not be. */
  readonly asking: Asking | undefined;
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
  /**
   * `deadline` is asked for only where there is something to wait for. Throws what `Asking.charge` does where a build
   * would begin.
   */
  find(image: Image, pin: Pin, deadline: Deadline, terms: BuildTerms): Promise<Outcome>;
  /** What is in memory of a build is no longer true. */
  forget(key: BuildKey): void;
}

export function createOutcomes(tools: OutcomeTools): Outcomes {
  const { cache, waiting, options, now } = tools;
  const beginning = firstOf<BuildRecord>();
  const ready = new LRUCache<BuildKey, SettledRecord & { state: "ready" }>({
    ...kept,
    perf: { now },
    sizeCalculation: ({ manifest }) => manifest.bytes.byteLength + 1000,
  });

  /** Begins a build at somebody's cost. What turns out to be somebody else's costs nothing. */
  async function begin(
    request: BuildRequest,
    present: BuildRecord | undefined,
    asking: Asking,
  ): Promise<BuildRecord> {
    const endedAt = present !== undefined && isSettled(present) ? present.settledAt : 0;
    const paid = await asking.charge({ key: request.key, endedAt });
    const { asker } = paid;
    const asked = { ...request, asker };
    const requested = await requestBuild(tools, asked, "pull", "pull").catch(async (error) => {
      await paid.refund();
      throw error;
    });
    const { outcome, record } = requested;
    // It may be one that the same client has begun by another process, with the charge that both were given.
    const isTheirs = record.asker?.charge?.client.id === asker.charge?.client.id;
    if (outcome !== "created" && !isTheirs) await paid.refund();
    return record;
  }

  /** Starts the build or joins it, and waits. */
  async function build(
    request: BuildRequest,
    present: BuildRecord | undefined,
    deadline: Deadline,
    asking: Asking,
  ) {
    const { key } = request;
    // Whoever is first pays, and those who come meanwhile wait with them.
    const asked = begins(present, now())
      ? await beginning(key, () => begin(request, present, asking))
      : (await requestBuild(tools, request, "pull", "pull")).record;
    if (isSettled(asked)) return asked;
    using wait = waiting.join(key);
    return await wait.settled(deadline(key));
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
    { asking, refusal }: BuildTerms,
  ): Promise<Outcome> {
    const key = buildKey(image, pin, options);
    const warm = ready.get(key);
    if (warm !== undefined) return warm;
    // It is as old as when it was asked for.
    const start = now();
    asking?.look();
    const record = await cache.read(key);
    const refused = record?.state === "ready" ? undefined : refusal();
    if (refused !== undefined) return notAllowed({ key, image, pin }, refused, start);
    const settled =
      record?.state === "ready"
        ? record
        : await (asking === undefined
            ? join(key, record, deadline(key))
            : build({ key, image, pin }, record, deadline, asking));
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
