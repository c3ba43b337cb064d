import { describe, expect, it } from "vitest";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import type { Nix } from "../../core/ports.ts";
import type { Build } from "../../worker/build.ts";
import { createJobHandler } from "../../worker/job.ts";
import { buildOf, failed, progress, ready } from "../support/builds.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const git = buildOf("git");
const job = { kind: "build", key: git.key } as const;

async function setUp(
  build: Build,
  pin: Nix["pin"] = async () => ({ state: "pinned", revision: "r1" }),
) {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const cache = createLocalBuildCache(database, Date.now);
  const pins = createLocalPins(database);
  const stopping = new AbortController();
  const said: string[] = [];
  const log = (severity: string, message: string) => void said.push(`${severity} ${message}`);
  const unused = () => Promise.reject(new Error("this test asks Nix for pins alone"));
  const nix: Nix = { pin, evaluate: unused, realise: unused, release: unused, closure: unused };
  const tools = { cache, pins, nix, build, log, now: Date.now, moving: undefined };
  const handle = createJobHandler(tools, stopping.signal);
  await cache.request(git, "pull");
  return {
    cache,
    pins,
    handle,
    stopping,
    said,
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("a job", () => {
  it("is built, settled and acknowledged", async () => {
    await using set = await setUp(async (_, report) => {
      report(progress);
      return ready("git");
    });
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
  });

  it("that was settled, or is alive elsewhere, or nobody asked for, is acknowledged and not built", async () => {
    let builds = 0;
    await using set = await setUp(async () => ((builds += 1), ready("git")));
    const lease = await set.cache.claim(git.key, "elsewhere", 60_000);
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    if (lease.state === "mine") await set.cache.settle(lease.lease, ready("git"));
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.handle({ kind: "build", key: buildOf("htop").key })).toEqual({
      outcome: "acknowledge",
    });
    expect(builds).toBe(0);
  });

  it("at a revision that is gone has its tags looked up again, those of other package sets not", async () => {
    await using set = await setUp(
      async () => failed({ reason: "revision-unknown", message: "there is no revision v0" }),
      async () => ({ state: "pinned", revision: "v1" }),
    );
    const current = { revision: git.pin.revision, resolvedAt: 1 };
    const ids = ["starter", "git+https://example.com/p"].map((name) =>
      JSON.stringify([name, "", null]),
    );
    for (const id of ids) {
      await set.pins.replace(id, 0, { reference: undefined, askedAt: 1, current });
    }
    await set.handle(job);
    const stands = await Promise.all(ids.map(async (id) => (await set.pins.read(id))?.current));
    expect(stands.map((each) => each?.revision)).toEqual(["v1", git.pin.revision]);
  });

  it("delivered twice at once is built once", async () => {
    let builds = 0;
    await using set = await setUp(async () => ((builds += 1), ready("git")));
    await Promise.all([set.handle(job), set.handle(job)]);
    expect(builds).toBe(1);
  });

  it("whose build throws is settled as our own failure", async () => {
    await using set = await setUp(async () => {
      throw new Error("the disk is full");
    });
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.cache.read(git.key)).toMatchObject({
      state: "failed",
      failure: { reason: "service", message: "the disk is full" },
    });
    expect(set.said).toContain("ERROR a build failed: the disk is full");
  });

  it("that fails for a reason of its own is settled with that reason", async () => {
    await using set = await setUp(async () => failed({ message: "it does not compile" }));
    await set.handle(job);
    expect(await set.cache.read(git.key)).toMatchObject({
      failure: { reason: "build-failed", message: "it does not compile" },
    });
  });

  it("is given back when the worker stops, so that the next goes on at once", async () => {
    const started = Promise.withResolvers<void>();
    await using set = await setUp(async (_, __, signal) => {
      started.resolve();
      return await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    });
    const handling = set.handle(job);
    await started.promise;
    set.stopping.abort(new Error("stopping"));
    expect(await handling).toEqual({ outcome: "return", afterMs: 0 });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "queued" });
    expect(await set.cache.claim(git.key, "next", 60_000)).toMatchObject({ state: "mine" });
  });
});

describe("a reference that is looked up", () => {
  const asked = { reference: "main", askedAt: 1 };
  const pinJob = { kind: "pin", pinId: "main" } as const;
  const unbuilt: Build = () => Promise.reject(new Error("nothing is built here"));

  it("is written down, with where it stood before", async () => {
    let revision = "r1";
    await using set = await setUp(unbuilt, async () => ({ state: "pinned", revision }));
    await set.pins.replace("main", 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read("main")).toMatchObject({ current: { revision: "r1" } });
    revision = "r2";
    await set.handle(pinJob);
    await set.handle(pinJob);
    expect(await set.pins.read("main")).toMatchObject({
      current: { revision: "r2" },
      previous: "r1",
    });
  });

  it("keeps where it stood when it cannot be looked up, and says why", async () => {
    let isUp = true;
    await using set = await setUp(unbuilt, async () => {
      if (!isUp) throw new Error("no network");
      return { state: "pinned", revision: "r1" };
    });
    await set.pins.replace("main", 0, asked);
    await set.handle(pinJob);
    isUp = false;
    await set.handle(pinJob);
    expect(await set.pins.read("main")).toMatchObject({
      current: { revision: "r1" },
      failure: { reason: "service", message: "no network" },
    });
    isUp = true;
    await set.handle(pinJob);
    expect(await set.pins.read("main")).not.toHaveProperty("failure");
  });

  it("that selects nothing is written down as that", async () => {
    await using set = await setUp(unbuilt, async () => ({
      state: "revision-unknown",
      message: "no main",
    }));
    await set.pins.replace("main", 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read("main")).toMatchObject({
      failure: { reason: "revision-unknown", message: "no main" },
    });
  });
});
