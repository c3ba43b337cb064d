import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCloud, type Cloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { expectSoundLayers, filesOf, resolveIn, sha256 } from "../support/image.ts";
import { need } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { pull, readLayout, skopeoCopy } from "../support/pull.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

needEmulators();
let cloud: Cloud;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  cloud = await startCloud({
    emulators: emulatorHosts(),
    project: freshProject(),
    packageSet: await writeUnbuiltPackageSet(folder.path),
    registries: 4,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
});
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The registry function's processes, as clients see them. */
const clients = () => cloud.registries.map(clientOf);

function firstClient() {
  const [client] = clients();
  if (client === undefined) throw new Error("no registry was started");
  return client;
}

function workersSaid(pattern: RegExp): number {
  return cloud.workers.flatMap(({ log }) => log).filter(({ message }) => pattern.test(message))
    .length;
}

test("an image nobody made before is pulled, and its layers come from the storage", async (context) => {
  need(context, "skopeo");
  const client = firstClient();
  const layout = join(folder.path, "layout");
  const copied = await skopeoCopy(client, "hello/several", layout);
  expect(copied.exitCode, copied.all).toBe(0);
  const image = await readLayout(layout);
  expectSoundLayers(image);
  expect(resolveIn(filesOf(image), "bin/hello")).toMatchObject({ type: "File" });
  expect(cloud.storage.names("firn-blobs", "staging/")).toEqual([]);
  const blob = await client.fetch(`/v2/hello/blobs/${image.manifest.layers[0]?.digest}`, {
    redirect: "manual",
  });
  expect(blob.status).toBe(307);
  expect(blob.headers.get("location")).toContain(cloud.storage.url);
});

test("a thousand cold pulls of one image, over four processes, are one job, one build and one body", async () => {
  const before = { jobs: workersSaid(/: evaluating: /), ready: workersSaid(/ is ready after /) };
  const all = clients();
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, i) => {
      const response = await all[i % all.length]?.manifest("slow");
      const body = new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer());
      return { status: response?.status, digest: sha256(body) };
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1);
  expect(workersSaid(/: evaluating: /) - before.jobs).toBe(1);
  expect(workersSaid(/ is ready after /) - before.ready).toBe(1);
  expect(await all[0]?.build("slow")).toMatchObject({ state: "ready", attempt: 1 });
});

describe("prebuilds", () => {
  test("are asked for on a topic, built in their own lane, and then pulled warm", async () => {
    const client = firstClient();
    await cloud.publish("prebuilds", JSON.stringify({ images: ["base", "camelcase:latest"] }));
    await eventually("both are built", async () => {
      const builds = await client.builds();
      return ["base", "camelcase"].every((name) =>
        builds.some(({ image, state }) => image === `amd64/${name}` && state === "ready"),
      );
    });
    const image = await pull(client, "camelcase");
    expect(image.digest).toBe((await client.build("camelcase"))?.digest);
  });

  test("by the command show progress until all are ready, and say which cannot be had", async () => {
    const run = async (...images: readonly string[]) =>
      await program(process.execPath, ["infra/google/prebuild.ts", ...images], {
        env: cloud.functionsEnv,
        mayFail: true,
      });
    const good = await run("mixed", "hello");
    expect(good.exitCode, good.all).toBe(0);
    expect(good.stdout).toMatch(/^amd64\/mixed: ready, sha256:[0-9a-f]{64}$/m);
    expect(good.stdout).toMatch(/^amd64\/hello: ready/m);
    const bad = await run("several", "fails", "Upper");
    expect(bad.exitCode).toBe(1);
    expect(bad.stdout).toMatch(/^amd64\/several: ready/m);
    expect(bad.stdout).toContain("fatal: the flux capacitor is missing");
    expect(bad.stdout).toMatch(/^Upper: refused: "Upper" is not an image name/m);
  });

  test.for([
    ["is no JSON", "images: hello"],
    ["has another form", '{"image": "hello"}'],
    ["names what is no image", '{"images": ["Upper"]}'],
  ] as const)(
    "a message that %s is logged once, set aside, and holds nothing up",
    async ([, message]) => {
      const id = await cloud.publish("prebuilds", message);
      const logged = () =>
        cloud.said("prebuild").filter((line) => line.includes(`"messageId":"${id}"`));
      await eventually("it is logged", () => logged().length > 0);
      await cloud.publish("prebuilds", '{"images": ["hello"]}');
      expect(logged()).toHaveLength(1);
      const kept = await cloud.setAside();
      expect(kept.map(({ text }) => text)).toContain(message);
    },
  );
});

test("a worker that has its jobs pushed builds what is pulled and what is prebuilt", async () => {
  await using pushing = await startCloud({
    emulators: emulatorHosts(),
    project: freshProject(),
    packageSet: await writeUnbuiltPackageSet(folder.path),
    workers: 1,
    withPush: true,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
  const [first] = pushing.registries;
  if (first === undefined) throw new Error("no registry was started");
  const client = clientOf(first);
  expectSoundLayers(await pull(client, "hello"));
  await pushing.publish("prebuilds", '{"images": ["base"]}');
  await eventually("base is built", async () => (await client.build("base"))?.state === "ready");
  const [worker] = pushing.workers;
  worker?.kill("SIGTERM");
  expect(await worker?.exited).toBe(0);
});
