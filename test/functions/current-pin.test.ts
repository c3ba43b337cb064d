import { describe, expect, it } from "vitest";
import { anythingGoes } from "../../core/build-policy.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { parsePackageSet, selectRevision } from "../../core/package-set.ts";
import { createCurrentPins } from "../../functions/current-pin.ts";
import { options, ready } from "../support/builds.ts";
import { testRegistry } from "../support/registry.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const packageSet = parsePackageSet("nixpkgs:nixos-25.11");
const build = async () => ready("git");
const pull = "/v2/git/manifests/latest";

describe("a tag", () => {
  it("is looked up once for many pulls", async () => {
    const asked: (string | undefined)[] = [];
    const pin = async (reference: string | undefined) => {
      asked.push(reference);
      return "r1";
    };
    await using registry = await testRegistry({ packageSet, build, pin });
    await Promise.all(Array.from({ length: 20 }, () => registry.ask(pull)));
    await registry.ask(pull);
    expect(asked).toEqual(["nixos-25.11"]);
  });

  it("that selects nothing is an error, which is remembered for a while", async () => {
    let asked = 0;
    const pin = async () => void (asked += 1);
    await using registry = await testRegistry({
      packageSet,
      build,
      pin: async () => (await pin(), undefined),
    });
    for (let i = 0; i < 3; i++) {
      expect(await registry.ask("/v2/git/manifests/nixos-1.0")).toMatchObject({
        status: 404,
        text: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no nixos-1.0"}]}',
      });
    }
    expect(asked).toBe(1);
    registry.advance(31_000);
    await registry.ask("/v2/git/manifests/nixos-1.0");
    expect(asked).toBe(2);
  });

  it("that is a commit is not looked up at all", async () => {
    await using registry = await testRegistry({ packageSet, build });
    expect(await registry.ask(`/v2/git/manifests/${"0".repeat(40)}`)).toMatchObject({
      status: 200,
    });
    expect(registry.jobs.map(({ kind }) => kind)).toEqual(["build"]);
  });

  it("whose pin is stale is served from it at once, and from the new one afterwards", async () => {
    let revision = "r1";
    await using registry = await testRegistry({ packageSet, build, pin: async () => revision });
    await registry.ask(pull);
    revision = "r2";
    registry.advance(61_000);
    await registry.ask(pull);
    expect((await registry.cache.recent(5)).map(({ pin }) => pin.revision)).toEqual(["r1"]);
    await expect
      .poll(async () => {
        await registry.ask(pull);
        return (await registry.cache.recent(5)).map(({ pin }) => pin.revision);
      })
      .toEqual(["r2", "r1"]);
    expect(registry.jobs.filter(({ kind }) => kind === "pin")).toHaveLength(2);
  });
});

it("a hundred who wait for where a tag stands are one question and one watch", async () => {
  await using folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const pins = createLocalPins(database);
  const published: unknown[] = [];
  let watches = 0;
  const currentPins = createCurrentPins({
    packageSet,
    policy: anythingGoes,
    pins: { ...pins, watch: (...watched) => ((watches += 1), pins.watch(...watched)) },
    plans: createLocalPlans(database),
    options,
    queue: {
      publish: async (job) => void published.push(job),
      consume: () => Promise.reject(new Error("nobody works here")),
    },
    times: { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 },
    now: Date.now,
    log: () => undefined,
  });
  const impatient = new AbortController();
  const first = currentPins.lookUp("latest", impatient.signal);
  const others = Array.from({ length: 99 }, () =>
    currentPins.lookUp("latest", AbortSignal.timeout(20_000)),
  );
  await expect.poll(() => published).toHaveLength(1);
  impatient.abort();
  expect(await first).toBeUndefined();
  const selection = selectRevision(packageSet, "latest");
  if (selection.kind !== "reference") throw new Error("latest does not move");
  const asked = await pins.read(selection.pinId);
  const { version = 0, ...kept } = asked ?? { reference: undefined, askedAt: 0 };
  const current = { revision: "r1", resolvedAt: Date.now() };
  await pins.replace(selection.pinId, version, { ...kept, current });
  const answers = await Promise.all(others);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ state: "pinned", pin: { revision: "r1" } });
  expect([published.length, watches]).toEqual([1, 1]);
});
