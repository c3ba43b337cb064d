import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installBundle, startBundle } from "../support/bundle.ts";
import { startCloud, type Cloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { expectSoundLayers } from "../support/image.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

needEmulators();
let cloud: Cloud;
let folder: TemporaryFolder;
let bundle: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  // What was baked at one place is used at another: on Google Cloud it is in /workspace.
  await installBundle(join(folder.path, "made"));
  bundle = join(folder.path, "workspace");
  await rename(join(folder.path, "made"), bundle);
  cloud = await startCloud({
    emulators: emulatorHosts(),
    project: freshProject(),
    packageSet: await writeUnbuiltPackageSet(folder.path),
    registries: 0,
    withAll: false,
    workers: 1,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
}, 240_000);
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test("from the bundle and nothing else a cold and a warm pull are served", async () => {
  await using cold = await startBundle(bundle, "registry", cloud.functionsEnv);
  const image = await pull(clientOf(cold), "hello");
  expectSoundLayers(image);
  await using warm = await startBundle(bundle, "registry", {
    ...cloud.functionsEnv,
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
  });
  const response = await clientOf(warm).manifest("hello");
  expect(response.status).toBe(200);
  expect(response.headers.get("docker-content-digest")).toBe(image.digest);

  await eventually("it says what it took from the cache", () =>
    warm.said.some((line) => /chunks\/functions-\w+\.js was accepted/.test(line)),
  );
  const missed = warm.said.filter((line) =>
    /reading cache from .*(?:not found|rejected)/.test(line),
  );
  expect(missed).toEqual([]);
  // Google's clients are there for cold pulls, and a warm one needs none of them.
  const read = warm.said.filter((line) => line.includes("chunks/") && line.includes("accepted"));
  expect(read.length).toBeLessThan((await readdir(join(bundle, "chunks"))).length / 2);
});

test.each(["prebuild", "maintenance", "burial"])(
  "the function %s starts from it",
  async (target) => {
    await using started = await startBundle(bundle, target, cloud.functionsEnv);
    // Messages are posted; anything else is refused by the framework, not by an error of ours.
    expect((await fetch(started.url, { method: "POST", body: "{}" })).status).toBe(500);
  },
);

test("npm accepts its lock file", async () => {
  const { all } = await program("npm", ["ci", "--dry-run", "--offline"], { cwd: bundle });
  expect(all).toMatch(/up to date|(?:add|chang)ed \d+ packages/);
});
