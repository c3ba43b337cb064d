import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createGoogleStoredBlobs } from "../../../core/google/stored-blobs.ts";
import { sweepStaging } from "../../../core/google/sweep-staging.ts";
import { storedBlobsContract } from "../../contract/stored-blobs.ts";
import { blobStoreContract } from "../../contract/blob-store.ts";
import {
  digest,
  hello,
  name,
  nameOf,
  never,
  once,
  openBlobs,
  staged,
  urlOf,
} from "../../support/blobs.ts";

for (const [way, options] of [
  ["Cloud Storage, in one request", {}],
  ["Cloud Storage, by way of staging", staged],
] as const) {
  blobStoreContract(
    way,
    async () => {
      const set = await openBlobs(options);
      return {
        store: set.store,
        corrupt: async (of, bytes) => {
          await set.bucket.file(nameOf(of)).save(bytes, { resumable: false });
        },
        staged: async () => [
          ...set.names().filter((each) => each.startsWith("staging/")),
          ...set.fake.uploading(),
        ],
        [Symbol.asyncDispose]: set[Symbol.asyncDispose],
      };
    },
    async (store, of, range) => {
      const headers = range === undefined ? {} : { range: `bytes=${range.first}-${range.last}` };
      const response = await fetch(await urlOf(store, of), { headers });
      if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
  );
}

for (const [way, options] of [
  ["Cloud Storage, in one request", {}],
  ["Cloud Storage, by way of staging", staged],
] as const) {
  storedBlobsContract(way, async () => {
    let offset = 0;
    const now = () => Date.now() + offset;
    const set = await openBlobs({ ...options, now }, { now });
    return {
      store: set.store,
      blobs: createGoogleStoredBlobs(set.store, now),
      advance: (ms) => void (offset += ms),
      [Symbol.asyncDispose]: set[Symbol.asyncDispose],
    };
  });
}

describe.concurrent("the blob store in Cloud Storage", () => {
  it("is content when somebody else was quicker", async () => {
    await using set = await openBlobs(staged);
    const [one, other] = [set.connect(), set.connect({ wholeBytes: 100 })];
    set.fake.faults.add({ operation: "object.move", kind: "slow", ms: 300 });
    const slow = one.write(once(), never);
    await sleep(100);
    await other.write(once(), never);
    const [{ generation }] = await set.bucket.file(name).getMetadata();
    expect(await slow).toEqual({ digest, size: hello.length });
    expect(set.names()).toEqual([name]);
    expect((await set.bucket.file(name).getMetadata())[0].generation).toBe(generation);
  });

  it("fails when what was staged is gone and the blob is not there", async () => {
    await using set = await openBlobs(staged);
    set.fake.faults.add({ operation: "object.move", kind: "slow", ms: 300 });
    const writing = set.store.write(once(), never);
    while (set.names().length === 0) await sleep(5);
    await set.bucket.file(set.names()[0] ?? "").delete();
    await expect(writing).rejects.toThrow(/No such object|is not what was stored/);
    expect(set.names()).toEqual([]);
  });

  it("cancels an upload whose stream fails, or is aborted, in the midst of it", async () => {
    await using set = await openBlobs();
    const chunk = Buffer.alloc(3_000_000, "layer after layer ");
    async function* failing(fail: () => void) {
      for (let i = 0; i < 5; i += 1) yield chunk;
      while ((set.fake.requests.get("upload.chunk") ?? 0) === 0) await sleep(5);
      yield chunk;
      fail();
      yield chunk;
    }
    const fail = () => {
      throw new Error("the reader failed");
    };
    await expect(set.store.write(failing(fail), never)).rejects.toThrow("the reader failed");
    const stop = new AbortController();
    const abort = () => stop.abort(new Error("no longer wanted"));
    const aborted = set.store.write(failing(abort), stop.signal);
    await expect(aborted).rejects.toThrow("no longer wanted");
    expect(set.fake.uploading()).toEqual([]);
    expect(set.names()).toEqual([]);
    expect(set.fake.requests.get("upload.cancel")).toBe(2);
  });

  it("does not wait for an answer when it is told to stop", async () => {
    await using set = await openBlobs();
    for (const operation of ["upload.multipart", "upload.start"] as const) {
      set.fake.faults.add({ operation, kind: "slow", ms: 5000 });
      const bytes = operation === "upload.start" ? Buffer.alloc(9_000_000) : hello;
      const before = performance.now();
      const signal = AbortSignal.timeout(100);
      await expect(set.store.write(once(bytes), signal)).rejects.toThrow("timeout");
      expect(performance.now() - before).toBeLessThan(2000);
    }
  });

  it("sees that a blob was replaced by another object of the same size", async () => {
    await using set = await openBlobs();
    await set.store.write(once(), never);
    const file = set.bucket.file(name);
    const [{ metadata = {} }] = await file.getMetadata();
    await file.save(Buffer.from(hello).fill(0), { resumable: false, metadata: { metadata } });
    expect(await set.store.stat(digest)).toEqual({ size: hello.length });
    expect(await set.store.isSound(digest, hello.length)).toBe(false);

    const other = await set.store.write(once(Buffer.from("HELLO, LAYERS")), never);
    await set.bucket.file(nameOf(other.digest)).copy(name);
    expect(await set.store.isSound(digest, hello.length)).toBe(false);
  });

  it("sweeps what was staged more than a day ago", async () => {
    const day = 24 * 60 * 60_000;
    let now = Date.now() - day;
    await using set = await openBlobs({}, { now: () => now });
    await set.store.write(once(), never);
    for (let i = 0; i < 60; i += 1) await set.bucket.file(`staging/${i}`).save("left");
    now += day;
    await set.bucket.file("staging/new").save("in use");
    expect(await sweepStaging(set.store, day, now)).toBe(60);
    expect(set.names()).toEqual([name, "staging/new"]);
    expect(await sweepStaging(set.store, day, now)).toBe(0);
  });
});

it("loads the library when it is first needed, and no sooner", async () => {
  const program = `
    import { createRequire } from "node:module";
    const { createGoogleBlobStore } = await import(process.argv[1]);
    const loaded = () => Object.keys(createRequire(process.argv[1]).cache).some((path) => /google/.test(path));
    const store = createGoogleBlobStore({ project: "p", bucket: "b", now: Date.now });
    const before = loaded();
    await store.open();
    console.log(before, loaded());
  `;
  const path = join(import.meta.dirname, "../../../core/google/blob-store.ts");
  const args = ["--input-type=module", "--eval", program, path];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe("false true\n");
});
