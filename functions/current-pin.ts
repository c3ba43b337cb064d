import { LRUCache } from "lru-cache";
import { askAgainMs, askForPin, isAsked } from "./ask-for-pin.ts";
import { atMost } from "../core/at-most.ts";
import { tagRefusal, type BuildPolicy } from "../core/build-policy.ts";
import { planned } from "../core/layer-plans.ts";
import { selectRevision, packageSetId, type Pin } from "../core/package-set.ts";
import type { JobQueue, PinFailure, PinRecord, Pins, Standing } from "../core/ports.ts";
import { messageOf, type Log } from "../core/log.ts";
import type { PinTimes } from "../core/pin-times.ts";
import type { Paid } from "./asking.ts";
import { firstOf } from "./first-of.ts";
import { createRevisionPins, type RevisionTools } from "./revision-pins.ts";
import { waitingTogether } from "./together.ts";
import { until } from "./until.ts";

/** Where a tag stands, or why that is not known. */
export type CurrentPin =
  | { readonly state: "pinned"; readonly pin: Pin }
  | { readonly state: "failed"; readonly failure: PinFailure };

/** Turns tags into pins. */
export interface CurrentPins {
  /**
   * The pin that is good enough to use at once; undefined where there is none. In the steady state it asks nobody.
   * `beforeReading` is called where nothing of the tag is in memory, and may throw.
   */
  known(tag: string, beforeReading?: () => void): Promise<Pin | undefined>;
  /** Whether a tag was looked up before, and found; `latest` always is. */
  wasFound(tag: string): Promise<boolean>;
  /**
   * Has a tag looked up that was never found, and that nobody is looking up: what `charge` throws, it throws before. What
   * is asked of many at once is asked once.
   */
  begin(tag: string, charge: () => Promise<Pick<Paid, "refund">>): Promise<void>;
  /** Has the tag looked up and waits for the answer; undefined when the signal came first. */
  lookUp(tag: string, signal: AbortSignal): Promise<CurrentPin | undefined>;
}

export interface PinTools extends RevisionTools {
  /** What may not be built stands where it stands. */
  readonly policy: BuildPolicy;
  readonly pins: Pins;
  readonly queue: JobQueue;
  readonly times: PinTimes;
  readonly log: Log;
}

const inProcessMs = 60_000;
const failureRememberedMs = 30_000;
// A store that answers does so in milliseconds.
const storeMs = 500;

interface ReadPin {
  readonly record: PinRecord;
  readonly at: number;
  /** When it could not be read again. */
  failedAt: number;
}

export function createCurrentPins(tools: PinTools): CurrentPins {
  const { packageSet, policy, pins, times, now, log } = tools;
  const read = new LRUCache<string, ReadPin>(atMost(10_000));
  const refreshedAt = new LRUCache<string, number>(atMost(10_000));
  // A thousand pulls of a tag that was never looked up are one question, and one watch, of a process.
  const join = waitingTogether<CurrentPin | undefined>();
  const revisionNamed = createRevisionPins(tools);
  const beginning = firstOf<void>();
  const pinAt = ({ revision, plans }: Standing): Pin =>
    planned({ packageSet: packageSetId(packageSet), revision }, plans);

  function ageOf(record: PinRecord): number {
    return record.current === undefined ? Infinity : now() - record.current.resolvedAt;
  }

  function failedAgo(record: PinRecord): number {
    return record.failure === undefined ? Infinity : now() - record.failure.failedAt;
  }

  async function recordOf(id: string, beforeReading?: () => void): Promise<PinRecord | undefined> {
    const known = read.get(id);
    if (known && now() - known.at < inProcessMs && ageOf(known.record) < times.freshMs) {
      return known.record;
    }
    if (known === undefined) {
      beforeReading?.();
      return keep(id, await pins.read(id));
    }
    if (now() - known.failedAt < askAgainMs) return known.record;
    // What is known is good enough for who pulls: a store that is away, or slow, is not waited for.
    const reading = pins.read(id).catch((error: unknown) => {
      log("WARNING", `could not read where a tag stands: ${messageOf(error)}`, { pin: id });
      return undefined;
    });
    const record = await until(reading, AbortSignal.timeout(storeMs));
    if (record === undefined) known.failedAt = now();
    return keep(id, record) ?? known.record;
  }

  function keep(id: string, record: PinRecord | undefined): PinRecord | undefined {
    if (record?.current !== undefined) read.set(id, { record, at: now(), failedAt: -Infinity });
    return record;
  }

  /**
   * Has a tag looked up for those who come later. Never rejects, and waits no longer than an instant: whoever pulls has
   * all that is needed. A process asks no more often than anybody may.
   */
  async function refresh(id: string, reference: string | undefined, record: PinRecord) {
    if (now() - (refreshedAt.get(id) ?? -Infinity) < askAgainMs) return;
    refreshedAt.set(id, now());
    const asked = askForPin(tools, id, reference, record).catch((error: unknown) =>
      log("WARNING", `could not ask where a tag stands: ${messageOf(error)}`, { pin: id }),
    );
    await until(asked, AbortSignal.timeout(storeMs));
  }

  function answeredSince(record: PinRecord | undefined, since: number): CurrentPin | undefined {
    const { current, failure } = record ?? {};
    if (failure !== undefined && failure.failedAt >= since) return { state: "failed", failure };
    if (current !== undefined && current.resolvedAt >= since)
      return { state: "pinned", pin: pinAt(current) };
    return undefined;
  }

  /** What a look-up of a tag that was asked for before has come to, where that still counts. */
  function remembered(record: PinRecord | undefined): CurrentPin | undefined {
    const answer = answeredSince(record, now() - failureRememberedMs);
    if (answer?.state === "failed" && answer.failure.reason === "revision-unknown") return answer;
    const isFresh = record !== undefined && ageOf(record) < times.freshMs;
    return answer?.state === "pinned" && isFresh ? answer : undefined;
  }

  /** Waits for an answer younger than `since`; a look-up that was under way before counts as well. */
  async function answerTo(
    id: string,
    reference: string | undefined,
    since: number,
    signal: AbortSignal,
  ): Promise<CurrentPin | undefined> {
    const repair = setInterval(() => {
      pins
        .read(id)
        .then((present) => askForPin(tools, id, reference, present))
        .catch((error: unknown) => log("ERROR", `could not ask for a pin: ${messageOf(error)}`));
    }, askAgainMs);
    try {
      for await (const present of pins.watch(id, signal)) {
        const answer = answeredSince(present, since);
        if (answer === undefined) continue;
        keep(id, present);
        return answer;
      }
      return undefined;
    } finally {
      clearInterval(repair);
    }
  }

  /** Asks for a reference to be looked up, unless it is being looked up already, and waits for the answer. */
  async function answerOf(id: string, reference: string | undefined, stop: AbortSignal) {
    const record = await pins.read(id);
    const known = remembered(record);
    if (known !== undefined) return known;
    const since = record !== undefined && isAsked(record) ? record.askedAt : now();
    await askForPin(tools, id, reference, record);
    return await answerTo(id, reference, since, stop);
  }

  return {
    async known(tag, beforeReading) {
      const selection = selectRevision(packageSet, tag);
      if (selection.kind === "revision") {
        return await revisionNamed(selection.revision, beforeReading);
      }
      const { pinId, reference } = selection;
      const record = await recordOf(pinId, beforeReading);
      if (record?.current === undefined || ageOf(record) >= times.staleMs) return undefined;
      const isStale = ageOf(record) >= times.freshMs && failedAgo(record) > failureRememberedMs;
      if (isStale && tagRefusal(policy, packageSet, tag) === undefined) {
        await refresh(pinId, reference, record);
      }
      return pinAt(record.current);
    },
    async wasFound(tag) {
      if (tag === "latest") return true;
      const selection = selectRevision(packageSet, tag);
      if (selection.kind === "revision") return true;
      return (await pins.read(selection.pinId))?.current !== undefined;
    },
    async begin(tag, charge) {
      // The registry's own to know.
      if (tag === "latest") return;
      const selection = selectRevision(packageSet, tag);
      if (selection.kind === "revision") return;
      const { pinId, reference } = selection;
      await beginning(pinId, async () => {
        const record = await pins.read(pinId);
        if (record?.current !== undefined || remembered(record) !== undefined) return;
        if (record !== undefined && isAsked(record)) return;
        const paid = await charge();
        const asked = await askForPin(tools, pinId, reference, record).catch(async (error) => {
          await paid.refund();
          throw error;
        });
        if (!asked) await paid.refund();
      });
    },
    async lookUp(tag, signal) {
      const selection = selectRevision(packageSet, tag);
      if (selection.kind === "revision") {
        return { state: "pinned", pin: await revisionNamed(selection.revision) };
      }
      const { pinId, reference } = selection;
      using joined = join(pinId, (stop) => answerOf(pinId, reference, stop));
      return await until(joined.result, signal);
    },
  };
}
