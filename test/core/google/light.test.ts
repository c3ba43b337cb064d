import { describe, expect, it } from "vitest";
import { createGoogleBuildCache } from "../../../core/google/build-cache.ts";
import { connectFirestore } from "../../../core/google/firestore.ts";
import { createGooglePins } from "../../../core/google/pins.ts";
import { createGooglePulls } from "../../../core/google/pulls.ts";
import { digestOf } from "../../../core/digest.ts";
import { createGoogleStoredManifests } from "../../../core/google/stored-manifests.ts";
import { manifestOf, buildOf, failed, progress, ready } from "../../support/builds.ts";
import { emulatorHosts, freshProject, needEmulators } from "../../support/emulators.ts";

needEmulators();

const connect = (projectId: string, host = emulatorHosts().firestore) =>
  connectFirestore({ projectId, host, ssl: false });

describe("without the library a process", () => {
  it("reads records in each state exactly as with it, and loads nothing", async () => {
    const project = freshProject();
    await using full = connect(project);
    const cache = createGoogleBuildCache(full, Date.now);
    for (const name of ["git", "shell/curl", "htop", "jq"])
      await cache.request(buildOf(name), "pull");
    const leaseOf = async (name: string) => {
      const claimed = await cache.claim(buildOf(name).key, "worker", 60_000);
      if (claimed.state !== "mine") throw new Error(`${name} could not be claimed`);
      return claimed.lease;
    };
    await cache.settle(await leaseOf("git"), ready("git"));
    await cache.settle(await leaseOf("shell/curl"), failed({ log: ["one", "two"] }));
    await cache.report(await leaseOf("htop"), progress);

    await using fresh = connect(project);
    const light = createGoogleBuildCache(fresh, Date.now);
    for (const name of ["git", "shell/curl", "htop", "jq", "unknown"]) {
      const { key } = buildOf(name);
      expect(await light.read(key), name).toEqual(await cache.read(key));
    }
    expect(fresh.light()).toBeDefined();
  });

  it("reads pins and notes pulls", async () => {
    const project = freshProject();
    await using full = connect(project);
    const current = { revision: "abc", resolvedAt: 7.5 };
    const failure = { reason: "service", message: "no network", failedAt: 6 } as const;
    const next = { revision: "def", since: 8 };
    const pin = { reference: undefined, askedAt: 5, current, previous: "aaa", next, failure };
    await createGooglePins(full).replace("one", 0, pin);

    await using fresh = connect(project);
    const pins = createGooglePins(fresh);
    expect(await pins.read("one")).toEqual(await createGooglePins(full).read("one"));
    expect(await pins.read("two")).toBeUndefined();
    await createGooglePulls(fresh).note("one", "amd64/git", Date.now());
    expect(fresh.light()).toBeDefined();
    expect(await createGooglePulls(full).recent("one", 0, 10)).toEqual(["amd64/git"]);
  });
});

it("where that way is closed the library is asked", async () => {
  const project = freshProject();
  await using full = connect(project);
  const git = buildOf("git");
  await createGoogleBuildCache(full, Date.now).request(git, "pull");
  await using fresh = connect(project);
  const open = fresh.open.bind(fresh);
  const closed = {
    ...fresh,
    open,
    light: () => ({
      read: async () => ({ state: "unknown" }) as const,
      write: async () => false,
      change: async () => "unknown" as const,
    }),
  };
  const record = await createGoogleBuildCache(closed, Date.now).read(git.key);
  expect(record).toMatchObject({ state: "queued" });
  await createGooglePulls(closed).note("one", "amd64/git", 1);
  expect(await createGooglePulls(full).recent("one", 0, 10)).toEqual(["amd64/git"]);
});

it("the use of a manifest is noted without the library, where there is one", async () => {
  const project = freshProject();
  await using full = connect(project);
  const manifest = manifestOf("git");
  const [none, at] = [digestOf("none"), 1_700_000_000_000];
  const earlier = createGoogleBuildCache(full, () => at - 3_600_000);
  await earlier.keep(manifest);
  await using fresh = connect(project);
  const gone = await createGoogleBuildCache(fresh, () => at).use([none, manifest.digest], at);
  expect(gone).toEqual([none]);
  expect(fresh.light()).toBeDefined();
  const [found, ...others] = await createGoogleStoredManifests(full).list(undefined, 10);
  expect(found?.usedAt).toBe(at);
  expect(Uint8Array.from(found?.bytes ?? [])).toEqual(Uint8Array.from(manifest.bytes));
  expect(others).toEqual([]);
});
