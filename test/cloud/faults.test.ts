import { createServer } from "node:net";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeJob } from "../../core/job-message.ts";
import { parseBuildKey } from "../../core/build-key.ts";
import { startCloud, type Cloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { needRoot } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import type { WorkerProcess } from "../support/worker.ts";

needEmulators();
let cloud: Cloud;
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});
// In a project of its own each: the emulator goes on dealing messages to a client that was killed.
beforeEach(async () => {
  cloud = await startCloud({
    emulators: emulatorHosts(),
    project: freshProject(),
    packageSet: await writeUnbuiltPackageSet(folder.path),
    workers: 0,
    withAll: false,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =", FIRN_LEASE_SECONDS: "6" },
  });
});
afterEach(async () => {
  await cloud[Symbol.asyncDispose]();
});

function registry() {
  const [first] = cloud.registries;
  if (first === undefined) throw new Error("no registry was started");
  return clientOf(first);
}

/** Asks for an image and lets the pull be: it waits, as others do, and looks after the build. */
function ask(name: string): Promise<unknown> {
  return registry()
    .manifest(name)
    .catch(() => undefined);
}

async function untilPhase(name: string, phase: string): Promise<void> {
  await eventually(`${name} is ${phase}`, async () => {
    const build = await registry().build(name);
    return build?.state === "building" && (phase === "building" || build.progress?.phase === phase);
  });
}

/** After each fault: the image is served, its layers are what they are called, and no record is stuck. */
async function expectServed(name: string): Promise<void> {
  const { digest } = await pull(registry(), name);
  expect((await registry().build(name))?.digest).toBe(digest);
  const states = (await registry().builds()).map(({ state }) => state);
  expect(states.filter((state) => state !== "ready" && state !== "failed")).toEqual([]);
}

function evaluations(name: string, ...workers: readonly WorkerProcess[]): number {
  const lines = workers.flatMap(({ log }) => log);
  return lines.filter(({ message }) => message.startsWith(`amd64/${name}: evaluating: `)).length;
}

describe("a worker that is killed", () => {
  test.for([
    ["evaluates", "ponders", "evaluating"],
    ["has Nix build", "slow", "realising"],
    ["packs", "bulky", "packing"],
  ] as const)("while it %s is followed by another one", async ([, name, phase]) => {
    await using killed = await cloud.startWorker();
    const waiting = ask(name);
    await untilPhase(name, phase);
    killed.kill("SIGKILL");
    await using _other = await cloud.startWorker();
    await waiting;
    await expectServed(name);
    expect((await registry().build(name))?.attempt).toBe(1);
  });

  test("by SIGTERM gives its build back within eight seconds, and the next one goes on at once", async () => {
    await using stopped = await cloud.startWorker();
    const waiting = ask("slow");
    await untilPhase("slow", "realising");
    const before = performance.now();
    stopped.kill("SIGTERM");
    expect(await stopped.exited).toBe(0);
    expect(performance.now() - before).toBeLessThan(8000);
    expect((await registry().build("slow"))?.state).toBe("queued");
    await using _other = await cloud.startWorker();
    await waiting;
    await expectServed("slow");
  });
});

test("a worker that is frozen beyond its lease overwrites nothing when it wakes", async () => {
  await using frozen = await cloud.startWorker();
  const waiting = ask("slow");
  await untilPhase("slow", "realising");
  frozen.kill("SIGSTOP");
  await using other = await cloud.startWorker();
  await waiting;
  const digest = (await registry().build("slow"))?.digest;
  expect(evaluations("slow", other)).toBe(1);
  frozen.kill("SIGCONT");
  await eventually("it notices", () =>
    frozen.log.some(({ message }) => /lease was lost|went to somebody else/.test(message)),
  );
  await expectServed("slow");
  expect((await registry().build("slow"))?.digest).toBe(digest);
  expect(frozen.log.some(({ message }) => message.includes("is ready after"))).toBe(false);
});

test("a job that is delivered twenty times to two workers is built once", async () => {
  await using one = await cloud.startWorker();
  await using two = await cloud.startWorker();
  const waiting = ask("slow");
  await untilPhase("slow", "building");
  const key = parseBuildKey((await registry().build("slow"))?.key ?? "");
  if (key === undefined) throw new Error("the build has no key");
  const { data } = encodeJob({ kind: "build", key });
  await Promise.all(Array.from({ length: 20 }, () => cloud.publish("jobs", data)));
  await waiting;
  await expectServed("slow");
  expect(evaluations("slow", one, two)).toBe(1);
});

test("messages that are no jobs are logged once, set aside, and hold nothing up", async () => {
  await using worker = await cloud.startWorker();
  const texts = ["no JSON", '{"v":99,"kind":"build"}', '{"v":1,"kind":"build","key":"../../etc"}'];
  const ids = await Promise.all(
    [...texts, `{"pad":"${"x".repeat(5000)}"}`].map((text) => cloud.publish("jobs", text)),
  );
  const logged = (id: string) => worker.log.filter((line) => line["messageId"] === id);
  await eventually("all are logged", () => ids.every((id) => logged(id).length > 0));
  await Promise.all([
    ask("hello"),
    eventually("hello is built", async () => (await registry().build("hello"))?.state === "ready"),
  ]);
  for (const id of ids) expect(logged(id)).toHaveLength(1);
  const kept = await cloud.setAside();
  expect(kept.map(({ text }) => text)).toEqual(expect.arrayContaining(texts) as string[]);
  await expectServed("hello");
});

test("a function that is killed between the record and the job is made good by who pulls next", async () => {
  await using worker = await cloud.startWorker();
  // Takes connections and never answers: what is published to it gets nowhere.
  const hole = createServer().listen(0, "127.0.0.1");
  await once(hole, "listening");
  const { port } = hole.address() as AddressInfo; // it listens on a port
  await ask("base");
  await using killed = await cloud.startRegistry({ PUBSUB_EMULATOR_HOST: `127.0.0.1:${port}` });
  const asked = clientOf(killed)
    .manifest("hello")
    .catch(() => undefined);
  await eventually(
    "the record is there",
    async () => (await registry().build("hello")) !== undefined,
  );
  killed.kill("SIGKILL");
  await asked;
  hole.close();
  await expectServed("hello");
  expect(evaluations("hello", worker)).toBe(1);
});

describe("Cloud Storage", () => {
  const operations = [
    "upload.multipart",
    "upload.start",
    "upload.chunk",
    "object.move",
    "object.get",
  ] as const;
  test.for([
    [
      "answers 503 and 429",
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 429 },
      ],
    ],
    [
      "cuts connections",
      [
        { kind: "cut-request", afterBytes: 100 },
        { kind: "cut-response", afterBytes: 10 },
      ],
    ],
    ["loses the end of uploads", [{ kind: "truncate", bytes: 3 }]],
  ] as const)("%s at each call, and the image is served", async ([, faults]) => {
    await using _worker = await cloud.startWorker();
    for (const operation of operations) {
      for (const fault of faults) cloud.storage.faults.add({ ...fault, operation });
    }
    try {
      // What the library does not get over by itself is said to who waits, and the next pull tries again.
      await eventually(
        "the image is served",
        async () => (await registry().manifest("sizable/bulky")).status === 200,
        120_000,
      );
      await expectServed("bulky/sizable");
      expect(cloud.storage.names("firn-blobs", "staging/")).toEqual([]);
      expect(cloud.storage.uploading()).toEqual([]);
    } finally {
      cloud.storage.faults.clear();
    }
  });
});

test("clocks that are five seconds apart change nothing", async () => {
  const skewed = (ms: number) => ({
    NODE_OPTIONS: `--import "data:text/javascript,const real=Date.now;Date.now=()=>real()+(${ms})"`,
  });
  await using ahead = await cloud.startWorker(skewed(5000));
  await using behind = await cloud.startWorker(skewed(-5000));
  const waiting = ask("slow");
  await untilPhase("slow", "building");
  const key = parseBuildKey((await registry().build("slow"))?.key ?? "");
  if (key === undefined) throw new Error("the build has no key");
  const { data } = encodeJob({ kind: "build", key });
  for (let i = 0; i < 6; i++) {
    await cloud.publish("jobs", data);
    await sleep(500);
  }
  await waiting;
  await expectServed("slow");
  expect(evaluations("slow", ahead, behind)).toBe(1);
});

test("a worker whose disk is full says so, and goes on when there is room", async (context) => {
  needRoot(context);
  const data = join(folder.path, "small");
  await mkdir(data);
  const options = ["-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", data];
  const mounted = await program("mount", options, { mayFail: true });
  context.skip(mounted.exitCode !== 0, `no small disk to fill: ${mounted.all}`);
  try {
    await using _worker = await cloud.startWorker({ FIRN_DATA: data });
    const refused = await registry().manifest("hello");
    expect(refused.status).toBe(503);
    expect(await refused.text()).toMatch(/no space left on device/i);
    await program("mount", ["-o", "remount,nr_inodes=1000", data]);
    await expectServed("hello");
  } finally {
    await program("umount", ["--lazy", data]);
  }
});
