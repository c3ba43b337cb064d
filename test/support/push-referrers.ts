import type { Digest } from "../../core/digest.ts";

/** How a manifest is listed with what it refers to. [OCI distribution specification 1.1, "Listing Referrers"] */
export interface PushedReferrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What refers to what. */
export interface PushedReferrers {
  list(subject: Digest): Promise<readonly PushedReferrer[]>;
  /** A digest is listed once. */
  add(subject: Digest, referrer: PushedReferrer): Promise<void>;
}

/** In memory, as everything that a push registry knows besides what it writes through the product's ports. */
export function createPushedReferrers(): PushedReferrers {
  const all = new Map<Digest, Map<Digest, PushedReferrer>>();
  return {
    list: async (subject) => [...(all.get(subject)?.values() ?? [])],
    async add(subject, referrer) {
      const known = all.get(subject) ?? new Map<Digest, PushedReferrer>();
      all.set(subject, known.set(referrer.digest, referrer));
    },
  };
}
