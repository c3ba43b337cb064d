import { describe, expect, it } from "vitest";
import { anythingGoes } from "../../core/build-policy.ts";
import { parseRevisionPatterns } from "../../core/revision-patterns.ts";
import { buildOf, ready } from "../support/builds.ts";
import { maintained, times } from "../support/maintained.ts";

const git = buildOf("git");

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

  it("at which nothing may be built any more stay where they are", async () => {
    const policy = { ...anythingGoes, revisions: parseRevisionPatterns("*, -next") };
    await using set = await maintained({ policy });
    const denied = JSON.stringify(["git+https://example.com/p", "", "next"]);
    await set.pins.replace(id, 0, pin);
    await set.pins.replace(denied, 0, { ...pin, reference: "next" });
    for (const each of [id, denied]) await set.pulls.note(each, "amd64/git", set.now());
    set.advance(times.freshMs);
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
