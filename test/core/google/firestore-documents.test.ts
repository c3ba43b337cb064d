import { FieldValue, type DocumentReference } from "@google-cloud/firestore";
import { describe, expect, it, vi } from "vitest";
import { digestOf } from "../../../core/digest.ts";
import { answered } from "../../../core/google/firestore.ts";
import { createGooglePins } from "../../../core/google/pins.ts";
import { watchDocument } from "../../../core/google/watch.ts";
import { messageOf } from "../../../core/log.ts";
import { mediaTypes } from "../../../core/manifest.ts";
import type { BuildCache, Claimed, Lease } from "../../../core/ports.ts";
import type { StoredManifest } from "../../../core/record.ts";
import { buildOf, failed, ready } from "../../support/builds.ts";
import { needEmulators } from "../../support/emulators.ts";
import { connect, failureWith, meddle, openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

const git = buildOf("git");
const leaseMs = 60_000;

function leaseOf(claimed: Claimed): Lease {
  if (claimed.state !== "mine") throw new Error(`the claim was not granted: ${claimed.state}`);
  return claimed.lease;
}

async function begin(cache: BuildCache): Promise<Lease> {
  await cache.request(git, "pull");
  return leaseOf(await cache.claim(git.key, "worker", leaseMs));
}

describe("a lease in Firestore", () => {
  it("is taken over only once the clocks of two machines can no longer disagree", async () => {
    await using set = await openBuildCaches({});
    await begin(set.cache);
    set.advance(leaseMs + 4999);
    expect(await set.cache.claim(git.key, "other", leaseMs)).toEqual({ state: "taken" });
    expect(await set.cache.republish(git.key, 0)).toBe(false);
    expect(await set.cache.neglected(0, 10)).toEqual([]);
    set.advance(1);
    expect(await set.cache.neglected(0, 10)).toHaveLength(1);
    expect(await set.cache.claim(git.key, "other", leaseMs)).toMatchObject({ state: "mine" });
  });

  it("never counts an epoch twice, not even when the record was withdrawn", async () => {
    await using set = await openBuildCaches();
    const first = await begin(set.cache);
    await set.cache.release(first);
    await set.cache.withdraw(git.key);
    const second = await begin(set.cache);
    expect(second.epoch).toBe(2);
    expect(await set.cache.settle(first, failed())).toBe(false);
  });
});

describe("a record in Firestore", () => {
  it("is read with its manifest of 120 layers as one document", async () => {
    await using set = await openBuildCaches();
    const layers = Array.from({ length: 120 }, (_, i) => ({
      mediaType: mediaTypes.gzipLayer,
      digest: digestOf(`layer ${i}`),
      size: 1_000_000 + i,
    }));
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, layers }));
    const manifest: StoredManifest = {
      digest: digestOf(bytes),
      mediaType: mediaTypes.manifest,
      bytes,
    };
    await set.cache.settle(await begin(set.cache), { state: "ready", manifest });

    const { cache, client } = await set.another();
    const reading = vi.spyOn(client, "getAll");
    const record = await cache.read(git.key);
    expect(reading.mock.calls.map((documents) => documents.length)).toEqual([1]);
    if (record?.state !== "ready") throw new Error("the record is not ready");
    expect(Buffer.from(record.manifest.bytes).equals(bytes)).toBe(true);
    expect(await cache.manifest(manifest.digest)).toEqual(record.manifest);
  });

  it("is read twice by five hundred pulls at once, and made by one of them", async () => {
    await using set = await openBuildCaches();
    const reading = vi.spyOn(set.client, "getAll");
    const writing = vi.spyOn(set.client, "batch");
    await Promise.all(Array.from({ length: 500 }, () => set.cache.read(git.key)));
    expect(reading).toHaveBeenCalledTimes(2);
    await Promise.all(Array.from({ length: 500 }, () => set.cache.request(git, "pull")));
    // A second one, where the answer of a read is overtaken by that of the first.
    expect(writing.mock.calls.length).toBeLessThanOrEqual(2);
    expect(reading.mock.calls.length).toBeLessThanOrEqual(6);
  });

  it("is not taken back by who made it once somebody else has published its job", async () => {
    await using set = await openBuildCaches();
    await set.cache.request(git, "prebuild");
    await set.cache.request(git, "pull");
    await set.cache.withdraw(git.key);
    expect(await set.cache.read(git.key)).toMatchObject({ state: "queued", lane: "pull" });
  });

  it("keeps a failure whose text was cut in the middle of a character, or is endless", async () => {
    await using set = await openBuildCaches();
    const settlement = failed({ message: "x".repeat(2_000_000), log: ["half \ud83d"] });
    expect(await set.cache.settle(await begin(set.cache), settlement)).toBe(true);
    expect(await set.cache.read(git.key)).toMatchObject({
      state: "failed",
      failure: { log: ["half \ufffd"] },
    });
  });

  it("expires a day after its failure is forgotten, and never when it is ready", async () => {
    await using set = await openBuildCaches();
    const document = set.client.doc(`images/${git.key}`);
    const expiry = async (): Promise<unknown> => (await document.get()).get("expireAt");
    await set.cache.settle(await begin(set.cache), failed());
    expect(await expiry()).toMatchObject({ seconds: 1010 + 24 * 60 * 60 });
    set.advance(10_000);
    const second = await begin(set.cache);
    expect(await expiry()).toBe(null);
    await set.cache.settle(second, ready("git"));
    expect(await expiry()).toBe(null);
  });

  it("is not among what a search for neglected builds reads once it is settled", async () => {
    await using set = await openBuildCaches();
    const published = async (): Promise<unknown> =>
      (await set.client.doc(`images/${git.key}`).get()).get("publishedAt");
    const lease = await begin(set.cache);
    expect(await published()).toBe(1_000_000);
    await set.cache.settle(lease, failed());
    expect(await published()).toBe(null);
  });

  it("says which document and which field it cannot read", async () => {
    await using set = await openBuildCaches();
    await begin(set.cache);
    const document = set.client.doc(`images/${git.key}`);
    const complaint = (what: string) => `document images/${git.key} cannot be read: its ${what}`;
    await document.update({ lane: "express" });
    const lane = '"lane" should be one of pull, prebuild, not "express"';
    await expect(set.cache.read(git.key)).rejects.toThrow(complaint(lane));
    await expect(set.cache.recent(10)).rejects.toThrow(complaint(lane));
    await document.update({ lane: "pull", attempt: null });
    const attempt = complaint('"attempt" should be a number, not null');
    await expect(set.cache.read(git.key)).rejects.toThrow(attempt);
    const watch = set.cache.watch(git.key, new AbortController().signal);
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toThrow(attempt);
  });

  it("keeps the fields that a later version has written", async () => {
    await using set = await openBuildCaches();
    const lease = await begin(set.cache);
    const document = set.client.doc(`images/${git.key}`);
    await document.update({ signature: "later" });
    expect(await set.cache.settle(lease, ready("git"))).toBe(true);
    expect((await document.get()).get("signature")).toBe("later");
  });

  it("that an earlier version has written is read, and only not listed by its image", async () => {
    await using set = await openBuildCaches();
    await set.cache.settle(await begin(set.cache), ready("git"));
    const revisions = async () => await set.cache.revisions(git.pin.packageSet, [git.image], 10);
    expect(await revisions()).toEqual([git.pin.revision]);
    await set.client.doc(`images/${git.key}`).update({ readyAs: FieldValue.delete() });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
    expect(await set.cache.recent(10)).toHaveLength(1);
    expect(await revisions()).toEqual([]);
  });

  it("is found although hundreds of builds before it are being worked on", async () => {
    await using set = await openBuildCaches();
    const builds = Array.from({ length: 205 }, (_, i) => buildOf(`package-${i}`));
    await Promise.all(
      builds.map(async ({ key }, i) => {
        await set.cache.request(builds[i] ?? git, "pull");
        await set.cache.claim(key, "worker", 10 * leaseMs);
      }),
    );
    set.advance(1);
    await set.cache.request(git, "pull");
    set.advance(leaseMs);
    const found = await set.cache.neglected(leaseMs, 10);
    expect(found.map(({ record }) => record.key)).toEqual([git.key]);
  });
});

describe("Firestore out of reach", () => {
  it("is an error after ten seconds, not a pull that hangs for minutes", async () => {
    vi.useFakeTimers();
    try {
      const never = new Promise<never>(() => undefined);
      const failure = answered("read images/1", never).catch(messageOf);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await failure).toBe("Firestore did not answer within 10 s: read images/1");
    } finally {
      vi.useRealTimers();
    }
  });

  it("ends a watch with an error when the library gives up listening", async () => {
    const unsubscribe = vi.fn<() => void>();
    const listening = Promise.withResolvers<(error: Error) => void>();
    const document = {
      path: "images/1",
      onSnapshot(_: unknown, refuse: (error: Error) => void) {
        listening.resolve(refuse);
        return unsubscribe;
      },
    } as unknown as DocumentReference;
    const { signal } = new AbortController();
    const next = watchDocument(
      async () => document,
      () => undefined,
      signal,
    ).next();
    const refuse = await listening.promise;
    refuse(new Error("PERMISSION_DENIED"));
    await expect(next).rejects.toThrow("the watch of images/1 has ended");
    expect(unsubscribe).toHaveBeenCalledOnce();
  });
});

describe("pins in Firestore", () => {
  it.each([6, 9, 14])("are not lost to the one who replaced them (%i)", async (code) => {
    await using firestore = connect();
    const pins = createGooglePins(firestore);
    meddle(await firestore.open(), async (commit) => {
      await commit();
      throw failureWith(code);
    });
    expect(await pins.replace("one", 0, { reference: "main", askedAt: 1 })).toBe(true);
    expect(await pins.replace("one", 1, { reference: "main", askedAt: 1 })).toBe(true);
    expect(await pins.replace("one", 1, { reference: "main", askedAt: 1 })).toBe(false);
    expect(await pins.read("one")).toEqual({ version: 2, reference: "main", askedAt: 1 });
  });
});
