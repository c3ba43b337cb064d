import { describe, expect, it } from "vitest";
import type { Grouping } from "../../core/build-key.ts";
import { planId } from "../../core/layer-plans.ts";
import { digestOf } from "../../core/digest.ts";
import { selectRevision, type PackageSet } from "../../core/package-set.ts";
import type { Log } from "../../core/log.ts";
import type { BlobStore } from "../../core/ports.ts";
import { createMaintenance } from "../../functions/maintenance.ts";
import { buildOf, options, ready } from "../support/builds.ts";
import { recordingLog } from "../support/recording-log.ts";
import { stores } from "../support/stores.ts";

const git = buildOf("git");
const times = { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 };

const latest: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };

async function maintained(
  more: {
    sweepStaging?: () => Promise<number>;
    staleMs?: number;
    packageSet?: PackageSet;
    blobs?: Pick<BlobStore, "stat">;
    grouping?: Grouping;
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

describe("a build that nobody works on", () => {
  it("is published again, in its own lane, and given up in the end so that those who wait are told", async () => {
    await using set = await maintained();
    await set.cache.request(git, "prebuild");
    for (let i = 0; i < 3; i++) {
      await set.cache.claim(git.key, `worker ${i}`, 60_000);
      set.advance(120_000);
      await set.maintain();
      await set.maintain();
    }
    expect(set.published.prebuild).toHaveLength(3);
    expect(set.published.pull).toEqual([]);
    await set.cache.claim(git.key, "worker 4", 60_000);
    set.advance(120_000);
    await set.maintain();
    const message = expect.stringMatching(/^no worker finished amd64\/git .* 4 times/) as string;
    expect(await set.cache.read(git.key)).toMatchObject({
      state: "failed",
      failure: { reason: "service", message },
    });
    // Whoever pulls next starts it again.
    expect(await set.cache.request(git, "pull")).toMatchObject({ outcome: "created" });
  });

  it("is not given up while it only waits its turn", async () => {
    await using set = await maintained();
    await set.cache.request(git, "pull");
    for (let i = 0; i < 20; i++) {
      set.advance(120_000);
      await set.maintain();
    }
    expect(await set.cache.read(git.key)).toMatchObject({ state: "queued" });
    expect(set.published.pull).toHaveLength(20);
  });

  it("is one whose worker died, not one whose worker is alive", async () => {
    await using set = await maintained();
    await set.cache.request(git, "pull");
    const claimed = await set.cache.claim(git.key, "worker", 60_000);
    for (let i = 0; i < 10; i++) {
      set.advance(50_000);
      if (claimed.state === "mine") await set.cache.renew(claimed.lease, 60_000);
      await set.maintain();
    }
    expect(set.published.pull).toEqual([]);
    set.advance(61_000);
    await set.maintain();
    expect(set.published.pull).toEqual([{ kind: "build", key: git.key }]);
  });

  it("is not one that was settled", async () => {
    await using set = await maintained();
    await set.cache.request(git, "pull");
    await set.settle(git.key, ready("git"));
    set.advance(600_000);
    await set.maintain();
    expect(set.published.pull).toEqual([]);
  });
});

describe("pins", () => {
  const current = { revision: "r1", resolvedAt: 1_000_000_000 };
  const pin = { reference: "main", askedAt: 1_000_000_000, current };
  const id = JSON.stringify(["git+https://example.com/p", "", "main"]);

  it("of what people pull are looked up anew when they are stale, once", async () => {
    await using set = await maintained();
    await set.pins.replace(id, 0, pin);
    await set.pins.replace('["git","","never pulled"]', 0, pin);
    await set.pulls.note(id, "amd64/git", set.now());
    await set.maintain();
    expect(set.published.pin).toEqual([]);
    set.advance(times.freshMs);
    await set.maintain();
    await set.maintain();
    expect(set.published.pin).toEqual([{ kind: "pin", pinId: id }]);
  });

  it("that a pull waits for anyway are left alone", async () => {
    await using set = await maintained({ staleMs: 1000 });
    await set.pins.replace(id, 0, pin);
    await set.pulls.note(id, "amd64/git", set.now());
    set.advance(times.freshMs);
    await set.maintain();
    expect(set.published.pin).toEqual([]);
  });
});

it("what fails is logged, keeps nothing of the rest from being done, and shows in the end", async () => {
  await using set = await maintained({
    sweepStaging: () => Promise.reject(new Error("no bucket")),
  });
  await set.cache.request(git, "pull");
  set.advance(120_000);
  await expect(set.maintain()).rejects.toThrow("maintenance was not complete");
  expect(set.log).toContain("ERROR could not sweep the staging area: no bucket");
  expect(set.published.pull).toHaveLength(1);
});

describe("layer plans", () => {
  const selection = selectRevision(latest, "latest");
  const pinId = selection.kind === "reference" ? selection.pinId : "";
  const id = planId("git+https://example.com/p", "amd64", options.layerBudget);
  const at = (revision: string) => ({
    kind: "plan",
    packageSet: "git+https://example.com/p",
    revision,
    architecture: "amd64",
  });
  const day = 24 * 60 * 60_000;

  /** Where `latest` stands, and somebody pulled by it. */
  async function pulled(more: Parameters<typeof maintained>[0] = {}) {
    const set = await maintained(more);
    await set.pulls.note(pinId, "amd64/git", set.now());
    const stand = async (revision: string) => {
      const { version = 0 } = (await set.pins.read(pinId)) ?? {};
      const current = { revision, resolvedAt: set.now() };
      await set.pins.replace(pinId, version, { reference: "main", askedAt: 1, current });
    };
    const learn = async (revision: string) => {
      const { version = 0, askedAt = 0 } = (await set.plans.read(id)) ?? {};
      const current = { digest: digestOf(revision), revision, learnedAt: set.now() };
      await set.plans.replace(id, version, { askedAt, current });
    };
    await stand("r1");
    return { ...set, stand, learn };
  }

  it("are asked for once a day until one is there, where nobody waits", async () => {
    await using set = await pulled();
    for (let i = 0; i < 3; i++) await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
    expect(set.published.pull).toEqual([]);
    set.advance(day);
    await set.stand("r1");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r1")]);
    await set.learn("r1");
    set.advance(day);
    await set.stand("r1");
    await set.maintain();
    expect(set.published.prebuild).toHaveLength(2);
  });

  it("are learned anew where the tag has moved, a day after the last one at the earliest", async () => {
    await using set = await pulled();
    await set.maintain();
    await set.learn("r1");
    await set.stand("r2");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
    set.advance(day);
    await set.stand("r2");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r2")]);
  });

  it("are not asked for before somebody pulls, nor where each image is grouped by itself", async () => {
    await using set = await maintained();
    const current = { revision: "r1", resolvedAt: set.now() };
    await set.pins.replace(pinId, 0, { reference: "main", askedAt: 1, current });
    await set.maintain();
    expect(set.published.prebuild).toEqual([]);
    await using other = await pulled({ grouping: "dominators" });
    await other.maintain();
    expect(other.published.prebuild).toEqual([]);
  });

  it("that got lost are said, and asked for at once, but not each minute", async () => {
    let isThere = true;
    const blobs = { stat: async () => (isThere ? { size: 1 } : undefined) };
    await using set = await pulled({ blobs });
    await set.maintain();
    await set.learn("r1");
    set.advance(10 * 60_000);
    await set.maintain();
    expect(set.published.prebuild).toHaveLength(1);
    isThere = false;
    await set.maintain();
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r1")]);
    expect(set.log).toContainEqual(
      `ERROR the layer plan ${digestOf("r1")} is lost, or damaged: it is made anew`,
    );
  });

  it("are asked for again where the job could not be published", async () => {
    let isOut = true;
    await using set = await pulled();
    const { queues } = set;
    const publish = queues.prebuild.publish.bind(queues.prebuild);
    queues.prebuild.publish = async (job) => {
      if (isOut) throw new Error("Pub/Sub is away");
      await publish(job);
    };
    await expect(set.maintain()).rejects.toThrow("maintenance was not complete");
    isOut = false;
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
  });
});

describe("what maintenance says each time", () => {
  const said = { event: "maintenance", failed: [] };

  it("is how many builds wait, how long the pull does that waits longest, and how many are made", async () => {
    await using set = await maintained();
    await set.maintain();
    await set.cache.request(buildOf("curl"), "prebuild");
    set.advance(30_000);
    await set.cache.request(git, "pull");
    set.advance(20_000);
    await set.maintain();
    await set.cache.claim(git.key, "worker", 60_000);
    await set.maintain();
    expect(set.counts()).toEqual([
      { ...said, queued: 0, building: 0, oldestQueuedSeconds: 0 },
      { ...said, queued: 2, building: 0, oldestQueuedSeconds: 20 },
      { ...said, queued: 1, building: 1, oldestQueuedSeconds: 0 },
    ]);
  });

  it("names the duties that could not be done", async () => {
    const sweepStaging = () => Promise.reject(new Error("the storage is away"));
    await using set = await maintained({ sweepStaging });
    await expect(set.maintain()).rejects.toThrow("maintenance was not complete");
    expect(set.counts()).toMatchObject([{ failed: ["sweep the staging area"] }]);
  });
});
