import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createGoogleBlobStore } from "../../../core/google/blob-store.ts";
import { sweepStaging } from "../../../core/google/sweep-staging.ts";
import { digestOf, hexOf, type Digest } from "../../../core/digest.ts";
import type { BlobStore } from "../../../core/ports.ts";
import { blobStoreContract } from "../../contract/blob-store.ts";
import type { Operation } from "../../support/storage-fake-exchange.ts";
import type { StorageFakeOptions } from "../../support/storage-fake.ts";
import { clientOptions, openStorage } from "../../support/storage.ts";

type Options = Partial<Parameters<typeof createGoogleBlobStore>[0]>;

const never = new AbortController().signal;
const hello = Buffer.from("hello, layers");
const digest = digestOf(hello);
const name = `blobs/sha256/${hexOf(digest)}`;
// With 0, everything goes by way of `staging`.
const staged: Options = { wholeBytes: 0 };

async function open(options: Options = {}, fakeOptions: StorageFakeOptions = {}) {
  const set = await openStorage(fakeOptions);
  const connect = (more: Options = {}) =>
    createGoogleBlobStore({
      project: "firn-test",
      bucket: set.bucketName,
      storageEndpoint: set.fake.url,
      client: clientOptions(set.fake),
      now: Date.now,
      ...options,
      ...more,
    });
  const names = () => set.fake.names(set.bucketName);
  return { ...set, store: connect(), connect, names };
}

async function* once(bytes: Uint8Array = hello): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function urlOf(store: BlobStore, of: Digest = digest): Promise<string> {
  const located = await store.locate(of);
  if (located?.at !== "elsewhere") throw new Error(`${of} is not in the bucket`);
  return located.url;
}

for (const [way, options] of [
  ["Cloud Storage, in one request", {}],
  ["Cloud Storage, by way of staging", staged],
] as const) {
  blobStoreContract(
    way,
    async () => {
      const set = await open(options);
      return {
        store: set.store,
        corrupt: async (of, bytes) => {
          await set.bucket.file(`blobs/sha256/${hexOf(of)}`).save(bytes, { resumable: false });
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

const faults = {
  "429": { kind: "status", status: 429 },
  "500": { kind: "status", status: 500 },
  "503": { kind: "status", status: 503 },
  "a connection cut in the request": { kind: "cut-request", afterBytes: 5 },
  "a connection cut before the answer": { kind: "cut-response", afterBytes: 0 },
  "a connection cut in the answer": { kind: "cut-response", afterBytes: 20 },
} as const;
const kinds = Object.keys(faults) as (keyof typeof faults)[];
const calls: readonly (readonly [Operation, Options])[] = [
  ["upload.multipart", {}],
  ["upload.start", staged],
  ["upload.chunk", staged],
  ["object.patch", staged],
  ["object.move", staged],
];
const table = calls.flatMap(([operation, options]) =>
  kinds.map((fault) => ({ operation, options, fault })),
);

describe.concurrent("the blob store in Cloud Storage", () => {
  it.for(table)(
    "writes in spite of $fault at $operation",
    async ({ operation, fault, options }) => {
      await using set = await open(options);
      set.fake.faults.add({ operation, ...faults[fault] });
      expect(await set.store.write(once(), never)).toEqual({ digest, size: hello.length });
      expect(await set.store.isSound(digest, hello.length)).toBe(true);
      expect(set.names()).toEqual([name]);
    },
  );

  it.for(kinds)("looks a blob up in spite of %s", async (fault) => {
    await using set = await open();
    await set.store.write(once(), never);
    set.fake.faults.add({ operation: "object.get", ...faults[fault] });
    expect(await set.store.stat(digest)).toEqual({ size: hello.length });
  });

  it("goes on with a large blob where the connection was cut", async () => {
    await using set = await open();
    const bytes = Buffer.alloc(20_000_000, "layer after layer ");
    set.fake.faults.add(
      { operation: "upload.chunk", kind: "cut-request", afterBytes: 3_000_000 },
      { operation: "upload.chunk", kind: "status", status: 503 },
      { operation: "upload.chunk", kind: "cut-response", afterBytes: 0, times: 2 },
    );
    const stored = await set.store.write(once(bytes), never);
    expect(stored).toEqual({ digest: digestOf(bytes), size: bytes.length });
    expect(set.names()).toEqual([`blobs/sha256/${hexOf(stored.digest)}`]);
    const response = await fetch(await urlOf(set.store, stored.digest));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it("sees that a large blob has arrived when the answer to its last chunk is lost", async () => {
    await using set = await open();
    const bytes = Buffer.alloc(20_000_000, "layer after layer ");
    set.fake.faults.add(
      { operation: "upload.chunk", kind: "slow", ms: 0, times: 2 },
      { operation: "upload.chunk", kind: "cut-response", afterBytes: 0 },
    );
    const stored = await set.store.write(once(bytes), never);
    expect(set.names()).toEqual([`blobs/sha256/${hexOf(stored.digest)}`]);
  });

  it("takes an outage, and a bucket that is not there, for a failure and not for absence", async () => {
    const client = { retryOptions: { maxRetries: 1, maxRetryDelay: 1 } };
    await using set = await open();
    const store = set.connect({ client: { ...clientOptions(set.fake), ...client } });
    set.fake.faults.add({ operation: "object.get", kind: "status", status: 503, times: 100 });
    const asked = [store.stat(digest), store.locate(digest), store.isSound(digest, 1)];
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: 503 } });
    }
    set.fake.faults.clear();
    expect(await store.stat(digest)).toBeUndefined();
    const elsewhere = set.connect({ bucket: "misspelt" });
    await expect(elsewhere.stat(digest)).rejects.toThrow("bucket does not exist");
  });

  it.for([
    ["in one request", {}, "upload.multipart"],
    ["by way of staging", staged, "upload.chunk"],
  ] as const)(
    "does not show a blob that was shortened on its way, %s",
    async ([, options, operation]) => {
      await using set = await open(options);
      set.fake.faults.add({ operation, kind: "truncate", bytes: 3 });
      await expect(set.store.write(once(), never)).rejects.toThrow(/CRC32C/);
      expect(set.names()).toEqual([]);
      await set.store.write(once(), never);
      expect(await set.store.isSound(digest, hello.length)).toBe(true);
    },
  );

  it("is content when somebody else was quicker", async () => {
    await using set = await open(staged);
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
    await using set = await open(staged);
    set.fake.faults.add({ operation: "object.move", kind: "slow", ms: 300 });
    const writing = set.store.write(once(), never);
    while (set.names().length === 0) await sleep(5);
    await set.bucket.file(set.names()[0] ?? "").delete();
    await expect(writing).rejects.toThrow(/No such object|is not what was stored/);
    expect(set.names()).toEqual([]);
  });

  it("cancels an upload whose stream fails, or is aborted, in the midst of it", async () => {
    await using set = await open();
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
    await using set = await open();
    for (const operation of ["upload.multipart", "upload.start"] as const) {
      set.fake.faults.add({ operation, kind: "slow", ms: 5000 });
      const bytes = operation === "upload.start" ? Buffer.alloc(9_000_000) : hello;
      const before = performance.now();
      const signal = AbortSignal.timeout(100);
      await expect(set.store.write(once(bytes), signal)).rejects.toThrow("timeout");
      expect(performance.now() - before).toBeLessThan(2000);
    }
  });

  it("sees that a blob was replaced by other bytes of the same size, with its metadata", async () => {
    await using set = await open();
    await set.store.write(once(), never);
    const file = set.bucket.file(name);
    const [{ metadata = {} }] = await file.getMetadata();
    await file.save(Buffer.from(hello).fill(0), { resumable: false, metadata: { metadata } });
    expect(await set.store.stat(digest)).toEqual({ size: hello.length });
    expect(await set.store.isSound(digest, hello.length)).toBe(false);
  });

  it("stores for ever what never changes", async () => {
    await using set = await open();
    for (const options of [{}, staged]) {
      const bytes = Buffer.from(JSON.stringify(options));
      const stored = await set.connect(options).write(once(bytes), never);
      const response = await fetch(await urlOf(set.store, stored.digest), { method: "HEAD" });
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": "application/octet-stream",
        "x-goog-meta-sha256": hexOf(stored.digest),
      });
    }
  });

  it("signs the same URL in every instance, for ten minutes", async () => {
    let now = Math.floor(Date.now() / 600_000) * 600_000 + 1000;
    await using set = await open({ now: () => now }, { now: () => now });
    await set.store.write(once(), never);
    const url = await urlOf(set.store);
    expect(new URL(url).searchParams.get("X-Goog-Expires")).toBe("1800");
    expect(await urlOf(set.connect())).toBe(url);
    now += 598_000;
    expect(await urlOf(set.store)).toBe(url);
    now += 2000;
    const next = await urlOf(set.store);
    expect(next).not.toBe(url);
    now += 1_198_000;
    expect((await fetch(url)).status).toBe(200);
    now += 2000;
    expect((await fetch(url)).status).toBe(400);
    expect((await fetch(next)).status).toBe(200);
    expect((await fetch(next.replace(hexOf(digest), hexOf(digestOf(""))))).status).toBe(403);
  });

  it("asks the bucket twice for five hundred clients of one blob, and then no more", async () => {
    await using set = await open();
    await set.store.write(once(), never);
    const asked = () => set.fake.requests.get("object.get") ?? 0;
    const before = asked();
    const all = await Promise.all(Array.from({ length: 500 }, () => urlOf(set.store)));
    expect(new Set(all).size).toBe(1);
    expect(asked() - before).toBeLessThanOrEqual(2);
    const after = asked();
    await urlOf(set.store);
    expect(asked()).toBe(after);
  });

  it("sends clients to a public URL, of blobs that are there", async () => {
    await using set = await open({}, { publicRead: true });
    const blobUrl = `${set.fake.url}/${set.bucketName}/`;
    const store = set.connect({ blobUrl });
    expect(await store.locate(digest)).toBeUndefined();
    await store.write(once(), never);
    expect(await urlOf(store)).toBe(`${blobUrl}${name}`);
    expect(await (await fetch(await urlOf(store))).text()).toBe(hello.toString());
  });

  it("sweeps what was staged more than a day ago", async () => {
    const day = 24 * 60 * 60_000;
    let now = Date.now() - day;
    await using set = await open({}, { now: () => now });
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
