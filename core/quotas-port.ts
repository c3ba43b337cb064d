import type { BuildKey } from "./build-key.ts";

/**
 * What is begun for clients, counted against quotas (`core/quota.ts`). Prebuilds and tags that move are nobody's, and are
 * not counted.
 */
export interface Quotas {
  /**
   * Counts a build that is about to begin, or, without one, a look-up, unless a quota has no room for it. A build that the
   * client was charged for just now costs nothing more, so that nobody pays twice who asks several processes at once.
   */
  charge(client: QuotaClient, build?: BeginningBuild): Promise<Charged>;
  /**
   * Why a client would be refused that asks for one thing more, as far as that is known without asking a store that others
   * share; undefined where it might not be.
   */
  refused(client: QuotaClient): Refused | undefined;
  /** Takes a charge back: what it was for was not begun, or by somebody else. */
  refund(charge: Charge, key?: BuildKey): Promise<void>;
  /** A build has ended: it is none of those under way any more, and these are the seconds that a worker had it for. */
  spend(charge: Charge, key: BuildKey, seconds: number): Promise<void>;
}

export interface BeginningBuild {
  readonly key: BuildKey;
  /** When it ended that was begun before; 0 where none was. */
  readonly endedAt: number;
}

/** Whom builds are counted for. */
export interface QuotaClient {
  /** An account, such as `user:alice`, or a network, such as `192.0.2.7` or `2001:db8:0:1::/64`. */
  readonly id: string;
  readonly isAnonymous: boolean;
}

/** What was counted, and where. */
export interface Charge {
  readonly client: QuotaClient;
  /** Which share of the quotas that all have it came out of; undefined where these have no limits. */
  readonly share?: number | undefined;
  readonly at: number;
}

export type Charged =
  /** `isNew` is false where it was charged for before. */
  { readonly state: "charged"; readonly charge: Charge; readonly isNew: boolean } | Refused;

/** Why there is no room, in words that go on after "for ..., ", and from when on there will be. */
export interface Refused {
  readonly state: "refused";
  /** The quota as a person would say it: `20 new images a minute`. */
  readonly quota: string;
  /** Whose: a client's id, or all those of a kind. */
  readonly whose: string;
  readonly until: number;
}
