import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../core/digest.ts";
import type { Operation } from "../../support/storage-fake-exchange.ts";
import { startStorageFake } from "../../support/storage-fake.ts";
import { clientOptions } from "../../support/storage.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
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
  type Options,
} from "../../support/blobs.ts";

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

describe.concurrent("the blob store, when Cloud Storage fails,", () => {
  it.for(table)(
    "writes in spite of $fault at $operation",
    async ({ operation, fault, options }) => {
      await using set = await openBlobs(options);
      set.fake.faults.add({ operation, ...faults[fault] });
      expect(await set.store.write(once(), never)).toEqual({ digest, size: hello.length });
      expect(await set.store.isSound(digest, hello.length)).toBe(true);
      expect(set.names()).toEqual([name]);
    },
  );

  it.for(kinds)("looks a blob up in spite of %s", async (fault) => {
    await using set = await openBlobs();
    await set.store.write(once(), never);
    set.fake.faults.add({ operation: "object.get", ...faults[fault] });
    expect(await set.store.stat(digest)).toEqual({ size: hello.length });
  });

  it("goes on with a large blob where the connection was cut", async () => {
    await using set = await openBlobs();
    const bytes = Buffer.alloc(20_000_000, "layer after layer ");
    set.fake.faults.add(
      { operation: "upload.chunk", kind: "cut-request", afterBytes: 3_000_000 },
      { operation: "upload.chunk", kind: "status", status: 503 },
      { operation: "upload.chunk", kind: "cut-response", afterBytes: 0, times: 2 },
    );
    const stored = await set.store.write(once(bytes), never);
    expect(stored).toEqual({ digest: digestOf(bytes), size: bytes.length });
    expect(set.names()).toEqual([nameOf(stored.digest)]);
    const response = await fetch(await urlOf(set.store, stored.digest));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it("sees that a large blob has arrived when the answer to its last chunk is lost", async () => {
    await using set = await openBlobs();
    const bytes = Buffer.alloc(20_000_000, "layer after layer ");
    set.fake.faults.add(
      { operation: "upload.chunk", kind: "slow", ms: 0, times: 2 },
      { operation: "upload.chunk", kind: "cut-response", afterBytes: 0 },
    );
    const stored = await set.store.write(once(bytes), never);
    expect(set.names()).toEqual([nameOf(stored.digest)]);
  });

  it("waits for a Cloud Storage that nothing can connect to", async () => {
    await using folder = await temporaryFolder();
    const set = await openBlobs({}, { folder: folder.path });
    const others = set.connect(staged);
    const port = Number(new URL(set.fake.url).port);
    await set[Symbol.asyncDispose]();
    const bytes = Buffer.from("another layer");
    const writing = Promise.all([set.store.write(once(), never), others.write(once(bytes), never)]);
    await sleep(200);
    await using again = await startStorageFake({ folder: folder.path, port });
    await writing;
    const both = [name, nameOf(digestOf(bytes))];
    expect(again.names(set.bucketName)).toEqual(both.sort());
  });

  it("takes an outage, and a bucket that is not there, for a failure and not for absence", async () => {
    const client = { retryOptions: { maxRetries: 1, maxRetryDelay: 1 } };
    await using set = await openBlobs();
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
      await using set = await openBlobs(options);
      set.fake.faults.add({ operation, kind: "truncate", bytes: 3 });
      await expect(set.store.write(once(), never)).rejects.toThrow(/CRC32C/);
      expect(set.names()).toEqual([]);
      await set.store.write(once(), never);
      expect(await set.store.isSound(digest, hello.length)).toBe(true);
    },
  );
});
