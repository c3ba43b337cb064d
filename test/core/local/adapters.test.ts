import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createLocalBlobStore } from "../../../core/local/blob-store.ts";
import { createLocalBuildCache } from "../../../core/local/build-cache.ts";
import { openDatabase } from "../../../core/local/database.ts";
import { createLocalJobQueue } from "../../../core/local/job-queue.ts";
import { createLocalLayerCache } from "../../../core/local/layer-cache.ts";
import { createLocalPins } from "../../../core/local/pins.ts";
import { createLocalPlans } from "../../../core/local/plans.ts";
import { createLocalPulls } from "../../../core/local/pulls.ts";
import { createLocalQuotas } from "../../../core/local/quotas.ts";
import { createLocalReferrers } from "../../../core/local/referrers.ts";
import { hexOf, type Digest } from "../../../core/digest.ts";
import { inTrace, newTrace } from "../../../core/trace.ts";
import type { BlobStore, ByteRange } from "../../../core/ports.ts";
import { createLocalStoredBlobs } from "../../../core/local/stored-blobs.ts";
import { createLocalStoredManifests } from "../../../core/local/stored-manifests.ts";
import { storedBlobsContract } from "../../contract/stored-blobs.ts";
import { storedManifestsContract } from "../../contract/stored-manifests.ts";
import { createMemoryBlobs } from "../../support/memory-blobs.ts";
import { blobStoreContract } from "../../contract/blob-store.ts";
import { buildCacheContract, type BuildCacheSetUp } from "../../contract/build-cache.ts";
import { buildRecordsContract } from "../../contract/build-records.ts";
import { jobQueueContract } from "../../contract/job-queue.ts";
import { layerCacheContract } from "../../contract/layer-cache.ts";
import { pinsContract } from "../../contract/pins.ts";
import { plansContract } from "../../contract/plans.ts";
import { pullsContract } from "../../contract/pulls.ts";
import { quotasContract } from "../../contract/quotas.ts";
import { referrersContract } from "../../contract/referrers.ts";
import { quotaOf } from "../../support/quota.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function openTemporary() {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const close = async () => {
    database[Symbol.dispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { database, [Symbol.asyncDispose]: close };
}

/** The same with builds, and a clock that goes on only when it is told to. */
async function openTimed() {
  const open = await openTemporary();
  let time = 1_000_000_000;
  const now = () => time;
  const cache = createLocalBuildCache(open.database, now);
  return { ...open, now, cache, advance: (ms: number) => void (time += ms) };
}

async function openBuildCache(): Promise<BuildCacheSetUp> {
  const open = await openTemporary();
  let now = 1_000_000;
  const cache = createLocalBuildCache(open.database, () => now);
  return { ...open, cache, advance: (ms) => (now += ms) };
}

buildCacheContract("SQLite", openBuildCache);
buildRecordsContract("SQLite", openBuildCache);

storedManifestsContract("SQLite", async () => {
  const open = await openTimed();
  return { ...open, manifests: createLocalStoredManifests(open.database) };
});

storedBlobsContract("a folder", async () => {
  const folder = await temporaryFolder();
  let offset = 0;
  const now = () => Date.now() + offset;
  return {
    store: createLocalBlobStore(folder.path, now),
    blobs: createLocalStoredBlobs(folder.path, now),
    advance: (ms) => void (offset += ms),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

storedBlobsContract("memory", async () => {
  let time = 1_000_000_000;
  const { store, stored } = createMemoryBlobs(() => time);
  const advance = (ms: number) => void (time += ms);
  return { store, blobs: stored, advance, [Symbol.asyncDispose]: async () => undefined };
});

blobStoreContract(
  "memory",
  async () => {
    const memory = createMemoryBlobs(Date.now);
    return { ...memory, [Symbol.asyncDispose]: async () => undefined };
  },
  bytesHere,
);

layerCacheContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, layers: createLocalLayerCache(open.database) };
});

pinsContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, pins: createLocalPins(open.database) };
});

plansContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, plans: createLocalPlans(open.database) };
});

referrersContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, referrers: createLocalReferrers(open.database) };
});

pullsContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, pulls: createLocalPulls(open.database) };
});

quotasContract("SQLite", async () => {
  const open = await openTimed();
  return {
    ...open,
    quotas: (text) => createLocalQuotas(open.database, quotaOf(text), open.now),
  };
});

jobQueueContract("SQLite, for prebuilds", async () => {
  const open = await openTemporary();
  const queue = createLocalJobQueue(open.database, Date.now, () => undefined, "prebuild");
  return { ...open, queue };
});

jobQueueContract("SQLite", async () => {
  const open = await openTemporary();
  return { ...open, queue: createLocalJobQueue(open.database, Date.now, () => undefined) };
});

it("a job that waits already is not queued twice, in whichever trace it is asked for again", async () => {
  await using open = await openTemporary();
  const queue = createLocalJobQueue(open.database, Date.now, () => undefined);
  const pinId = JSON.stringify(["nixpkgs", 'https://example.com/"ü".git', null]);
  for (let i = 0; i < 3; i++) {
    await inTrace(newTrace, () => queue.publish({ kind: "pin", pinId }));
  }
  await queue.publish({ kind: "pin", pinId: "another" });
  expect(open.database.all("select job from jobs")).toHaveLength(2);
});

blobStoreContract(
  "a folder",
  async () => {
    const folder = await temporaryFolder();
    return {
      store: createLocalBlobStore(folder.path),
      corrupt: (digest, bytes) =>
        writeFile(join(folder.path, "blobs/sha256", hexOf(digest)), bytes),
      staged: () => readdir(join(folder.path, "staging")),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
  bytesHere,
);

async function bytesHere(store: BlobStore, digest: Digest, range?: ByteRange): Promise<Buffer> {
  const located = await store.locate(digest);
  if (located?.at !== "here") throw new Error(`${digest} is not here`);
  const parts = located.open(range ?? { first: 0, last: located.size - 1 });
  return Buffer.concat(await Array.fromAsync(parts));
}
