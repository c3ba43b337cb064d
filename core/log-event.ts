import type { Log, LogFields, Severity } from "./log.ts";
import type { Failure, Lane } from "./record.ts";

/**
 * The lines of the log that something counts: `event` says which it is, and what it is counted by are its other
 * fields. Metrics and alerts are made of these (`infra/google/metrics.ts`), so renaming one breaks them, and a test
 * says so. Times are seconds, with three digits behind the point.
 */
export type LogEvent =
  | PullEvent
  | BuildBegunEvent
  | BuildEvent
  | DeadLetterEvent
  | MaintenanceEvent
  | RequestFailedEvent
  | WorkerEvent;

/** A request for a manifest by tag that could not be answered at once; of others nothing is said. */
export interface PullEvent {
  readonly event: "pull";
  readonly outcome: PullOutcome;
  /** How long this request was held. */
  readonly seconds: number;
  /** The builds it waited for, which others may have started. */
  readonly keys: readonly string[];
}

/**
 * `refused` is the asker's doing, `failed` ours; `sent-round` was redirected to wait on, `sent-away` told to come back
 * later, and of `gone` the client hung up.
 */
export type PullOutcome = "served" | "refused" | "failed" | "sent-round" | "sent-away" | "gone";

/**
 * A build that begins; beside it is who asked for it, where somebody did, and its key, which the line of its end has too.
 * `moved-tag` is built ahead for those who pull by a tag, and `lost-blob` was there, and a part of it is gone.
 */
export interface BuildBegunEvent {
  readonly event: "build-begun";
  readonly why: "pull" | "prebuild" | "moved-tag" | "lost-blob";
  readonly lane: Lane;
}

/** A build that came to its end. */
export interface BuildEvent {
  readonly event: "build";
  readonly outcome: "ready" | "failed";
  /** Why it failed; `none` where it did not. */
  readonly reason: Failure["reason"] | "none";
  readonly lane: Lane;
  /** From when it was asked for. */
  readonly seconds: number;
  /** From when this worker took it, and of that in each phase it came to. */
  readonly buildSeconds: number;
  readonly evaluatingSeconds?: number;
  readonly realisingSeconds?: number;
  readonly packingSeconds?: number;
  readonly layersPacked: number;
  readonly layersReused: number;
  /** Bytes of the layers that were packed, compressed. */
  readonly packedBytes: number;
}

/** A message that nobody will do anything about any more. */
export interface DeadLetterEvent {
  readonly event: "dead-letter";
  readonly cause: "unreadable" | "delivered-too-often" | "published-too-often";
}

/** What maintenance found, once a minute. */
export interface MaintenanceEvent {
  readonly event: "maintenance";
  /** Builds that wait for a worker, and that are being built; a thousand at the most are counted. */
  readonly queued: number;
  readonly building: number;
  /** How long the one that waits longest does so already, of those that somebody waits for; 0 where there is none. */
  readonly oldestQueuedSeconds: number;
  /** Of its duties, those that could not be done. */
  readonly failed: readonly string[];
}

/** A request that was answered with an error of ours which nobody expected. */
export interface RequestFailedEvent {
  readonly event: "request-failed";
}

/** A worker that begins to take jobs, or ends. */
export interface WorkerEvent {
  readonly event: "worker-started" | "worker-stopped";
}

/** Events that a person at a terminal does not have to see: they repeat what other lines say, or say that all is well. */
export const countedOnly: ReadonlySet<unknown> = new Set<LogEvent["event"]>([
  "pull",
  "maintenance",
]);

/** Logs an event, with what else belongs to it. */
export function logEvent(
  log: Log,
  severity: Severity,
  message: string,
  event: LogEvent,
  more: LogFields = {},
): void {
  log(severity, message, { ...more, ...event });
}

/** Milliseconds as seconds. */
export function secondsOf(ms: number): number {
  return Math.round(ms) / 1000;
}
