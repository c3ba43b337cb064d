import { expect, it } from "vitest";
import { anythingGoes } from "../../../core/build-policy.ts";
import { createGoogleBuildCache } from "../../../core/google/build-cache.ts";
import { connectFirestore } from "../../../core/google/firestore.ts";
import { createGooglePins } from "../../../core/google/pins.ts";
import { createGooglePlans } from "../../../core/google/plans.ts";
import { createGooglePulls } from "../../../core/google/pulls.ts";
import { createGoogleQuotas } from "../../../core/google/quotas.ts";
import { buildKey } from "../../../core/build-key.ts";
import { digestOf } from "../../../core/digest.ts";
import { parseImage } from "../../../core/image.ts";
import { packageSetId, selectRevision, type PackageSet } from "../../../core/package-set.ts";
import type { JobQueue } from "../../../core/ports.ts";
import { createCurrentPins } from "../../../functions/current-pin.ts";
import { createPullNotes } from "../../../functions/pull-notes.ts";
import { createRegistry } from "../../../functions/registry.ts";
import { createWaiting } from "../../../functions/waiting.ts";
import { manifestOf, options } from "../../support/builds.ts";
import { emulatorHosts, freshProject, needEmulators } from "../../support/emulators.ts";
import { quotaOf } from "../../support/quota.ts";

needEmulators();

const packageSet: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };
const now = Date.now;
const log = () => undefined;

/** Calls of each method of a port that have been made; those of `use`, which only write, apart. */
function counted<T extends object>(port: T, calls: string[], uses: string[] = calls): T {
  return new Proxy(port, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function") return value;
      return (...args: readonly unknown[]) => {
        (name === "use" ? uses : calls).push(String(name));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

const commit = "0123456789012345678901234567890123456789";

it.each([
  ["tag that moves, its layer plans with it,", "latest", ["read", "read"]],
  ["commit, whose layer plans are a read more,", commit, ["applied", "read"]],
])(
  "a warm pull by a %s takes a cold process two reads, and a warm one none",
  async (_, tag, asked) => {
    const { firestore: host } = emulatorHosts();
    await using firestore = connectFirestore({ projectId: freshProject(), host, ssl: false });
    const cache = createGoogleBuildCache(firestore, now);
    // What was stored just now counts as used, and a pull has nothing to note.
    const yesterday = createGoogleBuildCache(firestore, () => now() - 24 * 60 * 60_000);
    const pins = createGooglePins(firestore);
    const plans = createGooglePlans(firestore);
    const revision = tag === commit ? commit : "r1";
    const applied = { amd64: digestOf("a plan") };
    const current = { revision: "r1", resolvedAt: now(), plans: applied };
    const selection = selectRevision(packageSet, "latest");
    if (selection.kind !== "reference") throw new Error("latest does not move");
    await pins.replace(selection.pinId, 0, { reference: "main", askedAt: now(), current });
    await plans.apply({ packageSet: packageSetId(packageSet), revision }, undefined, applied);
    const image = parseImage("hello", "amd64");
    const pin = { packageSet: packageSetId(packageSet), revision, plans: applied };
    const key = buildKey(image, pin, options);
    await yesterday.request({ key, image, pin }, "pull");
    const claimed = await yesterday.claim(key, "worker", 60_000);
    if (claimed.state !== "mine") throw new Error("the build could not be claimed");
    await yesterday.settle(claimed.lease, { state: "ready", manifest: manifestOf("hello") });

    const reads: string[] = [];
    const notes: string[] = [];
    const queue: JobQueue = {
      publish: () => Promise.reject(new Error("nothing is built")),
      consume: () => Promise.reject(new Error("nothing is built")),
    };
    const times = { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 };
    const countedCache = counted(cache, reads, notes);
    const unused = () => Promise.reject(new Error("no blob is asked for"));
    const currentPins = createCurrentPins({
      packageSet,
      pins: counted(pins, reads),
      plans: counted(plans, reads),
      options,
      policy: anythingGoes,
      queue,
      times,
      now,
      log,
    });
    const pulls = counted(createGooglePulls(firestore), notes);
    const quotas = createGoogleQuotas(firestore, quotaOf("client=1/day; all=1/day"), cache, now);
    const registry = createRegistry({
      cache: countedCache,
      queue,
      blobs: {
        stat: unused,
        locate: unused,
        read: unused,
        write: unused,
        isSound: unused,
        hold: unused,
      },
      pins: currentPins,
      packageSet,
      plans: counted(plans, reads),
      references: counted(pins, reads),
      referrers: { list: unused },
      // Who was refused is told at once, so no store can have been asked for that.
      quotas: { ...counted(quotas, reads), refused: (client) => quotas.refused(client) },
      waiting: createWaiting(countedCache, queue, log),
      notes: createPullNotes({ packageSet, pulls, now, log }),
      options,
      policy: anythingGoes,
      platforms: ["amd64"],
      hold: { shortMs: 5000, longMs: 5000 },
      warmMs: times.warmMs,
      now,
      draining: new AbortController().signal,
      log,
    });
    const pull = async () => {
      const { status } = await registry.answer({
        method: "GET",
        path: `/v2/hello/manifests/${tag}`,
        query: new URLSearchParams(),
        headers: {},
        signal: new AbortController().signal,
      });
      expect(status).toBe(200);
    };

    await pull();
    expect(reads).toEqual(asked);
    for (let i = 0; i < 100; i++) await pull();
    expect(reads).toHaveLength(2);
    // Now and then a process notes what is pulled, with a write.
    expect(notes).toEqual(tag === commit ? ["use"] : ["use", "note"]);
  },
);
