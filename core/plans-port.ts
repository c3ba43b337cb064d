import type { Digest } from "./digest.ts";
import type { AppliedPlans } from "./layer-plans.ts";
import type { Pin } from "./package-set.ts";

/** Layer plans: which was learned last, and which apply where. The bytes of a plan are the blob under its digest. */
export interface Plans {
  /** What was learned last, by the name `planId` gives it. */
  read(id: string): Promise<PlanRecord | undefined>;
  /** Compare and set, as `Pins.replace`. */
  replace(id: string, version: number, next: Omit<PlanRecord, "version">): Promise<boolean>;
  /** The plans of a revision; undefined while that is not decided. */
  applied(pin: Pin): Promise<AppliedPlans | undefined>;
  /** Has other plans apply to a revision where it is still `seen` that do, and gives those that apply then. */
  apply(pin: Pin, seen: AppliedPlans | undefined, next: AppliedPlans): Promise<AppliedPlans>;
  /** The plans that were learned last, in no order: a handful. */
  learned(): Promise<readonly Digest[]>;
  /** All revisions that plans were decided for, those that have none too, in no order. */
  decisions(): Promise<readonly PlanDecision[]>;
  /** Forgets which plans apply at a revision: whoever asks next decides it anew. */
  forget(pin: Pin): Promise<void>;
}

export interface PlanRecord {
  readonly version: number;
  /** When somebody last asked for one to be learned. */
  readonly askedAt: number;
  /** Learned at this revision. */
  readonly current?: {
    readonly digest: Digest;
    readonly revision: string;
    readonly learnedAt: number;
  };
}

/** What applies at a revision, and since when. */
export interface PlanDecision {
  readonly pin: Pin & { readonly plans: AppliedPlans };
  readonly decidedAt: number;
}
