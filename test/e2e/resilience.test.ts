import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { truncate, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { createRepository } from "../support/nixpkgs.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Sends bytes and gives all that comes back until the connection ends. */
async function raw(firn: Firn, text: string): Promise<string> {
  const socket = connect(firn.port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  socket.on("error", () => undefined);
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("while every slot is taken by builds that take long", () => {
  test("a name that is wrong is told without waiting for one", async () => {
    await using folder = await temporaryFolder();
    await using firn = await startFirn({ packageSet: await writeUnbuiltPackageSet(folder.path) });
    const names = ["slowest", "slowest/base", "slowest/hello", "slowest/several"];
    for (const name of names) firn.manifest(name).catch(() => undefined);
    const building = async () =>
      (await firn.builds()).filter(({ state }) => state === "building").length;
    await eventually("all are looked up", async () => (await building()) === names.length);
    await eventually("two of them wait", async () => {
      const messages = (await firn.builds()).map(({ progress }) => progress?.message);
      return messages.filter((message) => message === "waiting for its turn").length === 2;
    });
    expect(await problemOf(await firn.manifest("helo"))).toMatchObject({
      status: 404,
      message: expect.stringContaining("did you mean hello?") as string,
    });
    expect(await building()).toBe(names.length);
  });

  test("what is there is served, and a restart serves it before they are through", async () => {
    await using folder = await temporaryFolder();
    const options = {
      packageSet: await writeUnbuiltPackageSet(folder.path),
      data: join(folder.path, "data"),
    };
    await using firn = await startFirn(options);
    await pull(firn, "hello");
    for (const name of ["slowest", "slowest/base"]) firn.manifest(name).catch(() => undefined);
    await eventually("both are built", async () => {
      const building = (await firn.builds()).filter(({ state }) => state === "building");
      return building.length === 2;
    });
    await sleep(1500);
    const before = performance.now();
    expect((await firn.manifest("hello")).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(5000);
    await firn.kill();
    await using again = await startFirn(options);
    expect((await again.manifest("hello")).status).toBe(200);
    expect((await again.build("slowest"))?.state).toBe("building");
  });
});

test("a password in the address of a package set is in no answer and no log", async (context) => {
  need(context, "git");
  await using folder = await temporaryFolder();
  const repository = await createRepository(folder.path);
  const commit = await repository.commit("main");
  // Nobody listens there; a commit needs no look-up, so firn starts.
  const packageSet = `git+http://user:S3cretToken@127.0.0.1:1/p#${commit}`;
  await using firn = await startFirn({ packageSet });
  const answers = [
    await (await firn.manifest("hello", "sometag")).text(),
    await (await firn.manifest("hello")).text(),
    await (await firn.fetch("/status")).text(),
  ];
  expect(answers.join()).toContain("127.0.0.1:1");
  expect(`${answers.join()}${JSON.stringify(firn.log)}`).not.toContain("S3cretToken");
});

test("clients that go away at once leave no file open", async () => {
  await using firn = await startFirn();
  const { manifest } = await pull(firn, "hello");
  const open = () =>
    readdirSync(`/proc/${firn.pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${firn.pid}/fd/${fd}`).includes("/blobs/");
      } catch {
        return false; // closed while it was looked at
      }
    }).length;
  for (let round = 0; round < 20; round++) {
    const sockets = Array.from({ length: 20 }, () => connect(firn.port, "127.0.0.1"));
    for (const socket of sockets) {
      socket.on("error", () => undefined);
      socket.write(`GET /v2/hello/blobs/${manifest.layers[0]?.digest} HTTP/1.1\r\nhost: h\r\n\r\n`);
      setImmediate(() => socket.resetAndDestroy());
    }
    await Promise.all(sockets.map((socket) => once(socket, "close")));
  }
  // What still waits to be taken in is answered before a pull that comes after it.
  await pull(firn, "hello");
  await expect.poll(open, { timeout: 30_000 }).toBe(0);
});

test.for([
  ["damaged", (file: string) => truncate(file, 100)],
  ["lost", (file: string) => rm(file)],
] as const)("a layer that is %s is not served, and its image is made anew", async ([, spoil]) => {
  await using firn = await startFirn();
  const { digest: image, manifest } = await pull(firn, "hello");
  const digest = manifest.layers[0]?.digest ?? "";
  await spoil(join(firn.data, "blobs", digest.replace(":", "/")));
  const blob = `/v2/hello/blobs/${digest}`;
  expect(await problemOf(await firn.fetch(blob))).toMatchObject({
    status: 404,
    code: "BLOB_UNKNOWN",
  });
  await eventually("the layer is there again", async () => (await firn.fetch(blob)).ok);
  expect((await pull(firn, "hello")).digest).toBe(image);
  expect(firn.log.filter(({ message }) => message.includes("is lost"))).toHaveLength(1);
});

describe("what is hardly HTTP is answered in the specification's form:", () => {
  test.for([
    ["no HTTP at all", "hello?\r\n\r\n", "400 Bad Request"],
    ["headers without end", `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "431 "],
  ] as const)("%s", async ([, text, status]) => {
    await using firn = await startFirn();
    const answer = await raw(firn, text);
    expect(answer).toContain(`HTTP/1.1 ${status}`);
    expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toMatchObject({
      errors: [{ code: "UNSUPPORTED" }],
    });
  });

  test("a whole URL, an expectation and no host are answered like any other", async () => {
    await using firn = await startFirn();
    const end = "connection: close\r\n\r\n";
    for (const request of [
      `GET http://example.com/v2/ HTTP/1.1\r\nhost: h\r\n${end}`,
      `GET /v2/ HTTP/1.1\r\nhost: h\r\nexpect: foo\r\n${end}`,
      `GET /v2/ HTTP/1.1\r\n${end}`,
    ]) {
      expect(await raw(firn, request)).toContain("HTTP/1.1 200 OK");
    }
  });
});
