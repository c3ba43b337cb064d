import { expect, it } from "vitest";
import { buildKey } from "../../../core/build-key.ts";
import { createGoogleLayerCache } from "../../../core/google/layer-cache.ts";
import { createGooglePins } from "../../../core/google/pins.ts";
import { createGooglePlans } from "../../../core/google/plans.ts";
import { createGooglePulls } from "../../../core/google/pulls.ts";
import { createGoogleReferrers } from "../../../core/google/referrers.ts";
import { createGoogleStoredBlobs } from "../../../core/google/stored-blobs.ts";
import { createGoogleStoredManifests } from "../../../core/google/stored-manifests.ts";
import { parseImage } from "../../../core/image.ts";
import { packageSetId } from "../../../core/package-set.ts";
import { needsOf } from "../../../core/retention.ts";
import { randomFrom } from "../../../worker/random.ts";
import { needEmulators } from "../../support/emulators.ts";
import { openBlobs } from "../../support/blobs.ts";
import { buildIn, options, packageSet, retentionOver } from "../../support/retention-world.ts";
import { openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

const hour = 60 * 60_000;
const day = 24 * hour;
const rounds = 100;
const start = 1_700_000_000_000;

it(`in ${rounds} rounds of builds, pulls and two sweeps at once each manifest in Firestore has its blobs in the bucket`, async () => {
  await using firestore = await openBuildCaches();
  firestore.advance(start - firestore.now());
  const { cache, beside, now } = firestore;
  await using bucket = await openBlobs({ now }, { now });
  const stores = {
    cache,
    manifests: createGoogleStoredManifests(beside),
    store: bucket.store,
    blobs: createGoogleStoredBlobs(bucket.store, now),
    layers: createGoogleLayerCache(beside),
    pins: createGooglePins(beside),
    plans: createGooglePlans(beside),
    pulls: createGooglePulls(beside),
    referrers: createGoogleReferrers(beside),
  };
  const retain = retentionOver(stores, now);
  const random = randomFrom(1);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T; // never of none
  const never = new AbortController().signal;
  const removed = { manifests: 0, blobs: 0 };

  async function build(): Promise<void> {
    const pin = { packageSet: packageSetId(packageSet), revision: pick(["a", "b"]).repeat(40) };
    const image = parseImage(pick(["git", "curl", "jq"]), "amd64");
    const key = buildKey(image, pin, options);
    await cache.request({ key, image, pin }, "pull");
    await buildIn(stores, key, now);
    const record = await cache.read(key);
    if (record?.state === "ready" && random() < 0.5) {
      await cache.use([record.manifest.digest], now());
    }
  }

  async function sweep(): Promise<void> {
    const { manifests, blobs } = await retain(false, never);
    removed.manifests += manifests.removed;
    removed.blobs += blobs.removed.count;
  }

  for (let round = 0; round < rounds; round++) {
    const work = [
      build,
      sweep,
      ...(random() < 0.5 ? [build] : []),
      ...(random() < 0.3 ? [sweep] : []),
    ];
    await Promise.all(work.map((each) => each()));
    for (const manifest of await stores.manifests.list(undefined, 100)) {
      for (const { digest } of needsOf(manifest).blobs) {
        expect(await bucket.store.stat(digest), `round ${round} of seed 1`).toBeDefined();
      }
    }
    firestore.advance(pick([hour, 12 * hour, 25 * hour, 31 * day]));
  }
  expect(removed.manifests).toBeGreaterThan(rounds / 10);
  expect(removed.blobs).toBeGreaterThan(rounds / 10);
}, 300_000);
