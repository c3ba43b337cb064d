import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, it } from "vitest";
import { openStorage } from "../../support/storage.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const mebibyte = 1024 * 1024;
// Not a whole number of chunks, and no two quanta of it alike.
const large = Buffer.from(
  Uint32Array.from({ length: 1_000_001 }, (_, i) => i * 2_654_435_761).buffer,
);

it("keeps what of a cut chunk has arrived, and the client goes on from there", async () => {
  await using set = await openStorage();
  set.fake.faults.add({
    operation: "upload.chunk",
    kind: "cut-request",
    afterBytes: mebibyte + 100_000,
  });
  const file = set.bucket.file("a");
  await pipeline(
    Readable.from([large]),
    file.createWriteStream({ chunkSize: 2 * mebibyte, preconditionOpts: { ifGenerationMatch: 0 } }),
  );
  expect((await file.download())[0].equals(large)).toBe(true);
  expect(set.fake.requests.get("upload.status")).toBe(1);
});

it("cancels an upload, which then takes no more", async () => {
  await using set = await openStorage();
  const [uri] = await set.bucket.file("a").createResumableUpload();
  expect(set.fake.uploading()).toEqual(["a"]);
  expect((await fetch(uri, { method: "DELETE" })).status).toBe(499);
  expect((await fetch(uri, { method: "PUT", body: "late" })).status).toBe(410);
  expect(set.fake.uploading()).toEqual([]);
  expect(set.fake.names(set.bucketName)).toEqual([]);
});

it("fails as it is told to, as often as it is told to", async () => {
  await using set = await openStorage();
  const file = set.bucket.file("a");
  // Without a precondition, the client switches its retries off.
  await file.save(large, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } });
  const { faults, requests } = set.fake;
  faults.add({ operation: "object.get", kind: "status", status: 429 });
  faults.add({ method: "GET", path: "/o/a$", kind: "cut-response", afterBytes: 0 });
  expect((await file.getMetadata())[0].name).toBe("a");
  expect(requests.get("object.get")).toBe(3);

  faults.add({ operation: "object.download", kind: "cut-response", afterBytes: mebibyte });
  await expect(file.download()).rejects.toMatchObject({ code: "ECONNRESET" });
  faults.add({ operation: "object.get", kind: "slow", ms: 300 });
  const before = performance.now();
  await file.getMetadata();
  expect(performance.now() - before).toBeGreaterThan(290);

  // The object is shorter than what was sent, and its checksum says so.
  faults.add({ operation: "upload.chunk", kind: "truncate", bytes: 1 });
  const saving = set.bucket.file("short").save(large, { resumable: true });
  await expect(saving).rejects.toThrow("upload");
  expect(set.fake.names(set.bucketName)).toEqual(["a"]);
});

it("runs as a program that keeps its folder, and is told of faults over HTTP", async () => {
  await using folder = await temporaryFolder();
  const program = join(import.meta.dirname, "../../support/storage-fake-main.ts");
  const args = ["--folder", folder.path, "--bucket", "blobs", "--public"];
  const start = async () => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const said = JSON.parse(line) as { url: string; credentials: string };
    const stop = async () => {
      child.kill("SIGTERM");
      expect((await once(child, "exit"))[0]).toBe(0);
    };
    return { ...said, stop };
  };
  const first = await start();
  const upload = `${first.url}/upload/storage/v1/b/blobs/o?uploadType=media&name=a`;
  const unavailable = { operation: "upload.media", kind: "status", status: 503 };
  await fetch(`${first.url}/faults`, { method: "POST", body: JSON.stringify([unavailable]) });
  expect((await fetch(upload, { method: "POST", body: "kept" })).status).toBe(503);
  expect((await fetch(upload, { method: "POST", body: "kept" })).status).toBe(200);
  const requests = await fetch(`${first.url}/requests`);
  expect(await requests.json()).toEqual({ "upload.media": 2 });
  await first.stop();

  const second = await start();
  expect(await (await fetch(`${second.url}/blobs/a`)).text()).toBe("kept");
  expect(second.credentials).toBe(join(folder.path, "credentials.json"));
  await second.stop();
});
