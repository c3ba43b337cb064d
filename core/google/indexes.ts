/** What deployment has to tell Firestore of a collection group. */
export interface CollectionPlan {
  readonly collection: string;
  /**
   * The fields that queries ask by, in this order alone; every other may be exempted from Firestore's automatic
   * indexes, which cost a write each. No query needs a composite index.
   */
  readonly indexed: readonly {
    readonly field: string;
    readonly order: "ascending" | "descending";
  }[];
  /** A timestamp after which Firestore may delete a document that has one: a time-to-live policy. */
  readonly expiry?: "expireAt";
}

/** All collections there are. */
export const collections: readonly CollectionPlan[] = [
  {
    collection: "images",
    indexed: [
      { field: "changedAt", order: "descending" },
      { field: "publishedAt", order: "ascending" },
      { field: "readyAs", order: "ascending" },
      { field: "manifest.digest", order: "ascending" },
      { field: "pin.revision", order: "ascending" },
    ],
    expiry: "expireAt",
  },
  { collection: "leases", indexed: [] },
  { collection: "manifests", indexed: [] },
  { collection: "layers", indexed: [{ field: "digest", order: "ascending" }] },
  { collection: "referrers", indexed: [] },
  { collection: "plans", indexed: [] },
  { collection: "appliedPlans", indexed: [] },
  {
    collection: "pins",
    indexed: [{ field: "current.resolvedAt", order: "ascending" }],
    expiry: "expireAt",
  },
  { collection: "quotas", indexed: [], expiry: "expireAt" },
  { collection: "pulled", indexed: [{ field: "at", order: "descending" }], expiry: "expireAt" },
];
