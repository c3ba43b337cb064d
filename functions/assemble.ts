import type { ImageOptions } from "../core/build-key.ts";
import type { BuildPolicy } from "../core/build-policy.ts";
import type { Platforms } from "../core/image.ts";
import type { Log } from "../core/log.ts";
import type { PackageSet } from "../core/package-set.ts";
import { pinTimes } from "../core/pin-times.ts";
import type {
  BlobStore,
  BuildCache,
  Clock,
  JobQueue,
  Pins,
  Plans,
  Pulls,
  Quotas,
  Referrers,
} from "../core/ports.ts";
import type { Lane } from "../core/record.ts";
import type { Access } from "./access.ts";
import { createBurial } from "./burial.ts";
import { createCurrentPins } from "./current-pin.ts";
import { createMaintenance } from "./maintenance.ts";
import { createPrebuild } from "./prebuild.ts";
import { createPullNotes } from "./pull-notes.ts";
import { createRegistry } from "./registry.ts";
import { createWaiting } from "./waiting.ts";

/** What the functions stand on, wherever they run. */
export interface Foundation {
  readonly cache: BuildCache;
  readonly pins: Pins;
  readonly plans: Plans;
  readonly pulls: Pulls;
  readonly blobs: BlobStore;
  readonly referrers: Referrers;
  readonly queues: Readonly<Record<Lane | "pin", JobQueue>>;
  readonly packageSet: PackageSet;
  readonly options: ImageOptions;
  /** What may be built. */
  readonly policy: BuildPolicy;
  /** The platforms of names that do not say one. */
  readonly platforms: Platforms;
  readonly settings: {
    readonly pinSeconds: number;
    readonly holdSeconds: number;
    readonly longHoldSeconds: number;
    readonly prebuildImages: number;
    readonly trustedHops: number;
  };
  /** Who may pull and who may build; undefined: everybody. */
  readonly access: Access | undefined;
  /** What is counted of that; undefined: nothing. */
  readonly quotas: Quotas | undefined;
  /** Deletes uploads that were given up, and says how many. */
  readonly sweepStaging: () => Promise<number>;
  /** Aborts when the process is about to end. */
  readonly draining: AbortSignal;
  readonly now: Clock;
  readonly log: Log;
}

/** Puts the functions together. */
export function assemble(foundation: Foundation) {
  const { cache, pins, plans, pulls, queues, packageSet, policy, options, settings, now, log } =
    foundation;
  const times = pinTimes(packageSet, settings.pinSeconds);
  const asking = { packageSet, policy, pins, plans, options, queue: queues.pin, times, now, log };
  const currentPins = createCurrentPins(asking);
  return {
    currentPins,
    registry: createRegistry({
      ...foundation,
      queue: queues.pull,
      pins: currentPins,
      references: pins,
      waiting: createWaiting(cache, queues.pull, log),
      notes: createPullNotes({ packageSet, pulls, now, log }),
      hold: { shortMs: settings.holdSeconds * 1000, longMs: settings.longHoldSeconds * 1000 },
      warmMs: times.warmMs,
      trustedHops: settings.trustedHops,
    }),
    prebuild: createPrebuild({ ...foundation, queue: queues.prebuild, pins: currentPins }),
    maintain: createMaintenance({ ...foundation, times, images: settings.prebuildImages }),
    bury: createBurial({ cache, log }),
  };
}
