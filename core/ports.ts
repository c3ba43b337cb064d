import type { BuildKey } from "./build-key.ts";
import type { Digest, Measure } from "./digest.ts";
import type { Architecture, Image } from "./image.ts";
import type { AppliedPlans } from "./layer-plans.ts";
import type {
  BuildRecord,
  BuildRequest,
  Lane,
  Progress,
  Requested,
  Settlement,
  StoredManifest,
} from "./record.ts";
import type { Referrer } from "./referrer.ts";
import type { Traced } from "./trace.ts";
export type * from "./nix-port.ts";
export type * from "./plans-port.ts";
export type * from "./quotas-port.ts";
export type * from "./stored-ports.ts";

/**
 * The ports: what firn needs of the world. Absence is undefined, an expected outcome is a variant, a failure is
 * thrown: an outage must never look like "not there". Each has one contract suite that all its adapters pass.
 */

/** Milliseconds since 1970. */
export type Clock = () => number;

/** Blobs by digest. What is visible is whole: a blob appears with its last byte or not at all. */
export interface BlobStore {
  /** Size in bytes. */
  stat(digest: Digest): Promise<{ readonly size: number } | undefined>;
  /** Where a blob can be had; the bytes of "here" are read when they are iterated. */
  locate(digest: Digest): Promise<LocatedBlob | undefined>;
  /**
   * The bytes of a small blob; undefined where there is none, or its bytes no longer have its digest. Rejects where it
   * has more than `limitBytes`.
   */
  read(digest: Digest, limitBytes: number): Promise<Uint8Array | undefined>;
  /**
   * Stores a stream under the digest of its bytes. Rejects, and leaves nothing behind, when the stream or the signal
   * does. Chunks are lent: their memory may be used again once the next one is asked for.
   */
  write(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Measure>;
  /** Whether a blob is there, has this size, and its bytes still have its digest. */
  isSound(digest: Digest, size: number): Promise<boolean>;
  /** The same for whoever is about to name it in a manifest: a sound blob counts as just written. */
  hold(digest: Digest, size: number): Promise<boolean>;
}

export type LocatedBlob =
  | { readonly at: "elsewhere"; readonly url: string }
  | {
      readonly at: "here";
      readonly size: number;
      open(range: ByteRange): AsyncIterable<Uint8Array>;
    };

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Records, their leases, and the manifests they led to. */
export interface BuildCache {
  read(key: BuildKey): Promise<BuildRecord | undefined>;
  /**
   * Asks for a build. Of callers at the same moment exactly one is told `created`, or `promoted`, and has to publish
   * the job; all others join.
   */
  request(request: BuildRequest, lane: Lane): Promise<Requested>;
  /** Takes back a request that was `created` and whose job could not be published. */
  withdraw(key: BuildKey): Promise<void>;
  /**
   * True for the one caller that has to publish again: the record is not settled, nobody holds its lease, and its
   * job was last published at least `afterMs` ago.
   */
  republish(key: BuildKey, afterMs: number): Promise<boolean>;
  /** Takes the lease of a build that nobody works on; the record is then `building`. */
  claim(key: BuildKey, owner: string, leaseMs: number): Promise<Claimed>;
  /** Keeps a lease alive; false once it was lost. */
  renew(lease: Lease, leaseMs: number): Promise<boolean>;
  /** Says how far the build is; false, and nothing written, once the lease was lost. */
  report(lease: Lease, progress: Progress): Promise<boolean>;
  /** Writes record and manifest and ends the lease, all at once; false, and nothing written, if the lease was lost. */
  settle(lease: Lease, settlement: Settlement): Promise<boolean>;
  /** Gives the lease back with the work undone; the record is queued again. */
  release(lease: Lease): Promise<void>;
  /**
   * Says that something of a ready image is lost: if the record still has this manifest, it has failed then, and the
   * next request begins anew. True for one of those who say so.
   */
  spoil(key: BuildKey, manifest: Digest): Promise<boolean>;
  /** The record as it is and after each change; changes that follow closely may be seen as one. Ends with the signal. */
  watch(key: BuildKey, signal: AbortSignal): AsyncIterable<BuildRecord | undefined>;
  manifest(digest: Digest): Promise<StoredManifest | undefined>;
  /**
   * Stores a manifest that no build led to, such as an index of several; from then on `manifest` has it. What it names
   * was used just before.
   */
  keep(manifest: StoredManifest): Promise<void>;
  /**
   * Has manifests count as pulled at this time, unless they were later; those that were stored since count as well.
   * Gives those of them that are not there.
   */
  use(digests: readonly Digest[], at: number): Promise<readonly Digest[]>;
  /** The records that changed last, newest first. */
  recent(limit: number): Promise<readonly BuildRecord[]>;
  /**
   * The revisions of a package set at which one of these images is ready, each once, in no order. Where there are more
   * than `limit`, some of them.
   */
  revisions(
    packageSet: string,
    images: readonly Image[],
    limit: number,
  ): Promise<readonly string[]>;
  /** The records that are not settled, those whose jobs were published longest ago first. */
  unsettled(limit: number): Promise<readonly BuildRecord[]>;
  /** Records for which `republish` with the same time would be true, those that wait longest first. */
  neglected(afterMs: number, limit: number): Promise<readonly NeglectedBuild[]>;
}

/** A build that is not settled and that nobody works on; `published` is how often its job was published. */
export interface NeglectedBuild {
  readonly record: BuildRecord;
  readonly published: number;
}

/** The right to work on a build; `epoch` counts its owners and fences the former ones out. */
export interface Lease {
  readonly key: BuildKey;
  readonly owner: string;
  readonly epoch: number;
}

export type Claimed =
  | { readonly state: "mine"; readonly lease: Lease; readonly record: BuildRecord }
  | { readonly state: "settled" | "taken" | "unknown" };

/** Layers that were packed before, by what they hold. */
export interface LayerCache {
  read(keys: readonly string[]): Promise<ReadonlyMap<string, LayerEntry>>;
  write(key: string, entry: LayerEntry): Promise<void>;
  /** Forgets the layers that are this blob, which is about to go. */
  forget(digest: Digest): Promise<void>;
}

/** Sizes are bytes; `diffId` is the digest of the tar, `digest` that of the compressed bytes. */
export interface LayerEntry {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly rawSize: number;
}

/** The manifests that refer to others, such as signatures, by their descriptors. */
export interface Referrers {
  /** Those that refer to a digest, whether it is known or not, in the order of their own digests. */
  list(subject: Digest): Promise<readonly Referrer[]>;
  /** Adds one, or writes it anew: a digest is listed once. */
  add(subject: Digest, referrer: Referrer): Promise<void>;
  remove(subject: Digest, referrer: Digest): Promise<void>;
}

/** Where references of package sets stand. */
export interface Pins {
  read(id: string): Promise<PinRecord | undefined>;
  /** Compare and set: writes `next` if what is stored still has `version` (0: nothing is), else answers false. */
  replace(id: string, version: number, next: Omit<PinRecord, "version">): Promise<boolean>;
  /** The record as it is and after each change, like `BuildCache.watch`. */
  watch(id: string, signal: AbortSignal): AsyncIterable<PinRecord | undefined>;
  /** Those that stand somewhere, a handful: one for each channel, branch or tag that was found. */
  list(): Promise<readonly { readonly id: string; readonly record: PinRecord }[]>;
}

/** Which images people pull by tags that move, so that they can be built anew before their tag does. */
export interface Pulls {
  /** Notes that an image, by the name `imageName` gives it, was pulled where this pin stood. */
  note(pinId: string, image: string, at: number): Promise<void>;
  /** The images pulled since, the latest first. */
  recent(pinId: string, since: number, limit: number): Promise<readonly string[]>;
}

export interface PinRecord {
  readonly version: number;
  /** As the job needs it: undefined is the package set's default. */
  readonly reference: string | undefined;
  /** When somebody last asked for it to be looked up. */
  readonly askedAt: number;
  readonly current?: Standing & { readonly resolvedAt: number };
  readonly previous?: string;
  /** Where it will stand once the images pulled lately are built there; `since` is when it first began to move. */
  readonly next?: Standing & { readonly since: number };
  /** The last look-up selected nothing, or could not be made. */
  readonly failure?: PinFailure;
}

/** A revision; the plans are those of `Plans.applied`, here so that a pull reads them with the pin. */
export interface Standing {
  readonly revision: string;
  readonly plans?: AppliedPlans;
}

export interface PinFailure {
  readonly reason: "revision-unknown" | "service";
  readonly message: string;
  readonly failedAt: number;
}

/** What the worker is asked to do. A hint: the record, or the pin, says whether it is still wanted. */
export type Job = Traced & (BuildJob | { readonly kind: "pin"; readonly pinId: string } | PlanJob);
type BuildJob = { readonly kind: "build"; readonly key: BuildKey };

/** Has a layer plan learned at a revision. */
export interface PlanJob {
  readonly kind: "plan";
  readonly packageSet: string;
  readonly revision: string;
  readonly architecture: Architecture;
}

/**
 * Jobs are delivered at least once, in no order, maybe twice at once; those not acknowledged come again. With a job
 * travels the trace that it is published in.
 */
export interface JobQueue {
  publish(job: Job): Promise<void>;
  /**
   * Hands out jobs, at most `slots` at a time, until the signal aborts; resolves when the last handler has ended.
   * A job is kept from others while its handler runs, which it does in the job's trace.
   */
  consume(
    slots: number,
    handle: (job: Job, attempt: number) => Promise<Handled>,
    signal: AbortSignal,
  ): Promise<void>;
}

export type Handled =
  | { readonly outcome: "acknowledge" }
  | { readonly outcome: "return"; readonly afterMs: number };
