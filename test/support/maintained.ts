import { anythingGoes, type BuildPolicy } from "../../core/build-policy.ts";
import type { Grouping } from "../../core/build-key.ts";
import type { Log } from "../../core/log.ts";
import type { PackageSet } from "../../core/package-set.ts";
import type { BlobStore } from "../../core/ports.ts";
import { createMaintenance } from "../../functions/maintenance.ts";
import { options } from "./builds.ts";
import { recordingLog } from "./recording-log.ts";
import { stores } from "./stores.ts";

export const times = { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 };

export const latest: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };

/** Maintenance over stores in memory, with what it publishes, logs and counts. */
export async function maintained(
  more: {
    sweepStaging?: () => Promise<number>;
    staleMs?: number;
    packageSet?: PackageSet;
    blobs?: Pick<BlobStore, "stat">;
    grouping?: Grouping;
    policy?: BuildPolicy;
  } = {},
) {
  const set = await stores();
  const { cache, pins, plans, pulls, queues, now, write } = set;
  const { log: record, events } = recordingLog();
  const log: Log = (...line) => {
    record(...line);
    if (line[2]?.["event"] !== "maintenance") write(line[0], line[1]);
  };
  const { packageSet = latest, blobs = { stat: async () => ({ size: 1 }) } } = more;
  const maintain = createMaintenance({
    cache,
    pins,
    plans,
    blobs,
    packageSet,
    policy: more.policy ?? anythingGoes,
    platforms: ["amd64"],
    pulls,
    queues,
    options: { ...options, grouping: more.grouping ?? options.grouping },
    images: 50,
    now,
    log,
    times: { ...times, staleMs: more.staleMs ?? times.staleMs },
    sweepStaging: more.sweepStaging ?? (async () => 0),
  });
  const counts = () =>
    events.map(({ fields }) => fields).filter((each) => each?.["event"] === "maintenance");
  return { ...set, maintain, counts };
}
