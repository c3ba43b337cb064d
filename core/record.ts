import type { BuildKey } from "./build-key.ts";
import type { Digest } from "./digest.ts";
import type { Image } from "./image.ts";
import type { Pin } from "./package-set.ts";
import type { Charge } from "./quotas-port.ts";

/** For whom an image is built: somebody who waits for it, or nobody yet. Prebuilds never hold pulls up. */
export type Lane = "pull" | "prebuild";

/** What a build is of. All times are milliseconds since 1970. */
export interface BuildRequest {
  readonly key: BuildKey;
  readonly image: Image;
  readonly pin: Pin;
  /** Undefined for what nobody in particular asked for, and once the build has settled. */
  readonly asker?: Asker | undefined;
}

/**
 * Who had a build begun. It stays with the record for as long as the worker has to know; what was built goes to anybody,
 * and says nothing of who wanted it first.
 */
export interface Asker {
  /** As `whoIs` calls them. */
  readonly who: string;
  readonly address?: string | undefined;
  /** What was counted for it, where there are quotas. */
  readonly charge?: Charge | undefined;
}

/** What is known of a build: the truth that functions and worker share. */
export type BuildRecord = BuildRequest & {
  readonly lane: Lane;
  readonly requestedAt: number;
  /** How often the build was started over: 1 for the first time. */
  readonly attempt: number;
} & (
    | { readonly state: "queued" }
    | { readonly state: "building"; readonly startedAt: number; readonly progress: Progress }
    | { readonly state: "ready"; readonly settledAt: number; readonly manifest: StoredManifest }
    | {
        readonly state: "failed";
        readonly settledAt: number;
        readonly failure: Failure;
        /** From this moment on the next pull starts the build again. */
        readonly retryAt: number;
      }
  );

export type Phase = "evaluating" | "realising" | "packing";

/** How far a build is, in words for people; `done` of `total` is counted in what the phase makes. */
export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
  readonly message: string;
}

/** A manifest as it is served: these bytes, whoever asks. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/**
 * Why there is no image. `service` is our fault, everything else is what was asked for; `not-allowed` may be had where
 * more is allowed.
 */
export interface Failure {
  readonly reason:
    | "packages-unknown"
    | "revision-unknown"
    | "evaluation-failed"
    | "build-failed"
    | "timed-out"
    | "not-allowed"
    | "service";
  /** For the person who asked: what was wrong, with which value, what to do. */
  readonly message: string;
  /** The last lines of a build's log. */
  readonly log: readonly string[];
}

export type Settlement =
  | { readonly state: "ready"; readonly manifest: StoredManifest }
  | { readonly state: "failed"; readonly failure: Failure };

export type SettledRecord = Extract<BuildRecord, { state: "ready" | "failed" }>;

export function isSettled(record: BuildRecord): record is SettledRecord {
  return record.state === "ready" || record.state === "failed";
}

/**
 * What a request made of a record. `created` is a build that begins; `promoted` one that was queued for nobody and is
 * now waited for: both have to be published, by exactly the caller who is told so.
 */
export interface Requested {
  readonly outcome: "created" | "promoted" | "joined";
  readonly record: BuildRecord;
}

/** Whether a request would begin a build, and not join one, or what came of it. */
export function begins(present: BuildRecord | undefined, now: number): boolean {
  return present === undefined || (present.state === "failed" && now >= present.retryAt);
}

/** What a request for a build makes of its record. */
export function afterRequest(
  present: BuildRecord | undefined,
  { key, image, pin, asker }: BuildRequest,
  lane: Lane,
  now: number,
): Requested {
  if (present === undefined || begins(present, now)) {
    const attempt = (present?.attempt ?? 0) + 1;
    const common = { key, image, pin, lane, requestedAt: now, attempt };
    return { outcome: "created", record: { ...common, ...(asker && { asker }), state: "queued" } };
  }
  if (present.state === "queued" && present.lane === "prebuild" && lane === "pull") {
    return { outcome: "promoted", record: { ...present, lane } };
  }
  return { outcome: "joined", record: present };
}

/** The record of a build that somebody begins to work on. */
export function afterClaim(present: BuildRecord, now: number): BuildRecord {
  const progress = { phase: "evaluating", done: 0, total: 1, message: "starting" } as const;
  return { ...commonOf(present), state: "building", startedAt: now, progress };
}

/** The record of a build whose owner gave it back. */
export function afterRelease(present: BuildRecord): BuildRecord {
  return { ...commonOf(present), state: "queued" };
}

function commonOf({ asker, ...present }: BuildRecord) {
  return { ...settledOf(present), ...(asker && { asker }) };
}

function settledOf({ key, image, pin, lane, requestedAt, attempt }: BuildRecord) {
  return { key, image, pin, lane, requestedAt, attempt };
}

/** The record of a build whose owner has come to an end with it. */
export function afterSettling(
  present: BuildRecord,
  settlement: Settlement,
  now: number,
): SettledRecord {
  const kept = { ...settledOf(present), settledAt: now };
  if (settlement.state === "ready") return { ...kept, ...settlement };
  const retryAt = now + rememberedMs(settlement.failure, present.attempt);
  return { ...kept, ...settlement, retryAt };
}

/** The record of a build whose image is no longer whole; undefined where it has another manifest, or none. */
export function afterSpoiling(
  present: BuildRecord | undefined,
  manifest: Digest,
  now: number,
): SettledRecord | undefined {
  if (present?.state !== "ready" || present.manifest.digest !== manifest) return undefined;
  const message = "a part of the image was lost: pull again, and it is made anew";
  const failure = { reason: "service", message, log: [] } as const;
  return { ...settledOf(present), state: "failed", settledAt: now, failure, retryAt: now };
}

const firstMs = 10_000;
const longestMs = 10 * 60_000;
// Whoever has allowed it since should not have to explain why it is still refused.
const longestRefusalMs = 60_000;

// A typo in a loop costs nothing; what was our fault, the next pull may try at once.
function rememberedMs(failure: Failure, attempt: number): number {
  if (failure.reason === "service") return 0;
  const longest = failure.reason === "not-allowed" ? longestRefusalMs : longestMs;
  return Math.min(firstMs * 2 ** (attempt - 1), longest);
}
