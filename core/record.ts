import type { BuildKey } from "./build-key.ts";
import type { Digest } from "./digest.ts";
import type { Image } from "./image.ts";
import type { Pin } from "./package-set.ts";

/** What a build is of. All times are milliseconds since 1970. */
export interface BuildRequest {
  readonly key: BuildKey;
  readonly image: Image;
  readonly pin: Pin;
}

/** What is known of a build: the truth that functions and worker share. */
export type BuildRecord = BuildRequest & {
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

/** Why there is no image. `service` is our fault, everything else is what was asked for. */
export interface Failure {
  readonly reason:
    | "packages-unknown"
    | "revision-unknown"
    | "evaluation-failed"
    | "build-failed"
    | "timed-out"
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

/** What a request for a build makes of its record: the new record, or undefined where it joins the present one. */
export function afterRequest(
  present: BuildRecord | undefined,
  request: BuildRequest,
  now: number,
): BuildRecord | undefined {
  if (present !== undefined && !(present.state === "failed" && now >= present.retryAt)) {
    return undefined;
  }
  const attempt = (present?.attempt ?? 0) + 1;
  return { ...request, state: "queued", requestedAt: now, attempt };
}

/** The record of a build whose owner has come to an end with it. */
export function afterSettling(
  present: BuildRecord,
  settlement: Settlement,
  now: number,
): SettledRecord {
  const { key, image, pin, requestedAt, attempt } = present;
  const kept = { key, image, pin, requestedAt, attempt, settledAt: now };
  if (settlement.state === "ready") return { ...kept, ...settlement };
  return { ...kept, ...settlement, retryAt: now + rememberedMs(settlement.failure, attempt) };
}

const firstMs = 10_000;
const longestMs = 10 * 60_000;

// A typo in a loop costs nothing; what was our fault, the next pull may try at once.
function rememberedMs(failure: Failure, attempt: number): number {
  if (failure.reason === "service") return 0;
  return Math.min(firstMs * 2 ** (attempt - 1), longestMs);
}
