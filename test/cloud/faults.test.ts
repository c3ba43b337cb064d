import { describe, expect, test } from "vitest";
import { needEmulators } from "../support/emulators.ts";
import { createRepository } from "../support/nixpkgs.ts";
import { eventually } from "../support/eventually.ts";
import { evaluations, startFaultyCloud } from "../support/faulty-cloud.ts";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { clientOf } from "../support/cloud-client.ts";

needEmulators();

test("messages that are no jobs are logged once, set aside, and hold nothing up", async () => {
  await using set = await startFaultyCloud();
  await using worker = await set.cloud.startWorker();
  const texts = ["no JSON", '{"v":99,"kind":"build"}', '{"v":1,"kind":"build","key":"../../etc"}'];
  const ids = await Promise.all(
    [...texts, `{"pad":"${"x".repeat(5000)}"}`].map((text) => set.cloud.publish("jobs", text)),
  );
  const logged = (id: string) => worker.log.filter((line) => line["messageId"] === id);
  await eventually("all are logged", () => ids.every((id) => logged(id).length > 0));
  await Promise.all([
    set.ask("hello"),
    eventually(
      "hello is built",
      async () => (await set.registry.build("hello"))?.state === "ready",
    ),
  ]);
  for (const id of ids) expect(logged(id)).toHaveLength(1);
  const kept = await set.cloud.setAside();
  expect(kept.map(({ text }) => text)).toEqual(expect.arrayContaining(texts) as string[]);
  await set.expectServed("hello");
});

test("a function that is killed between the record and the job is made good by who pulls next", async () => {
  // Where a repository stands is known for minutes: the one that is killed has nothing else to publish than the job.
  await using set = await startFaultyCloud(async (folder) => {
    const repository = await createRepository(folder);
    await repository.commit("main");
    return `git+file://${repository.path}`;
  });
  await using worker = await set.cloud.startWorker();
  await set.expectServed("base");
  // Takes connections and never answers: what is published to it gets nowhere.
  const hole = createServer().listen(0, "127.0.0.1");
  await once(hole, "listening");
  const { port } = hole.address() as AddressInfo; // it listens on a port
  await using killed = await set.cloud.startRegistry({ PUBSUB_EMULATOR_HOST: `127.0.0.1:${port}` });
  const asked = clientOf(killed)
    .manifest("hello")
    .catch(() => undefined);
  await eventually(
    "the record is there",
    async () => (await set.registry.build("hello")) !== undefined,
  );
  killed.kill("SIGKILL");
  await asked;
  hole.close();
  await set.expectServed("hello");
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
    await using set = await startFaultyCloud();
    await using _worker = await set.cloud.startWorker();
    for (const operation of operations) {
      for (const fault of faults) set.cloud.storage.faults.add({ ...fault, operation });
    }
    try {
      // What the library does not get over by itself is said to who waits, and the next pull tries again.
      await eventually(
        "the image is served",
        async () => (await set.registry.manifest("sizable/bulky")).status === 200,
        120_000,
      );
      await set.expectServed("bulky/sizable");
      expect(set.cloud.storage.names("firn-blobs", "staging/")).toEqual([]);
    } finally {
      set.cloud.storage.faults.clear();
    }
  });
});
