import { anythingGoes } from "../../core/build-policy.ts";
import type { Digest } from "../../core/digest.ts";
import { planId } from "../../core/layer-plans.ts";
import { imageDocuments } from "../../core/manifest.ts";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import type { Database } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import { createLocalReferrers } from "../../core/local/referrers.ts";
import { createLocalStoredManifests } from "../../core/local/stored-manifests.ts";
import type { createMemoryBlobs } from "./memory-blobs.ts";
import type {
  BlobStore,
  BuildCache,
  Clock,
  LayerCache,
  Pins,
  Plans,
  Pulls,
  Referrers,
  StoredBlobs,
  StoredManifests,
} from "../../core/ports.ts";
import type { BuildRecord } from "../../core/record.ts";
import type { PackageSet } from "../../core/package-set.ts";
import { assemble } from "../../functions/assemble.ts";
import { createRetention } from "../../functions/retention.ts";
import { holdAgain, layerKey, packTar, reusableLayers } from "../../worker/pack.ts";
import { options as usualOptions } from "./builds.ts";

/** What a registry stores, by ports. */
export interface Stores {
  readonly cache: BuildCache;
  readonly manifests: StoredManifests;
  readonly store: BlobStore;
  readonly blobs: StoredBlobs;
  readonly layers: LayerCache;
  readonly pins: Pins;
  readonly plans: Plans;
  readonly pulls: Pulls;
  readonly referrers: Referrers;
}

export const options = { ...usualOptions, compression: "none" } as const;
export const packageSet: PackageSet = {
  kind: "git",
  url: "https://example.com/packages",
  reference: undefined,
};
export const keepMs = 30 * 24 * 60 * 60_000;
export const graceMs = 24 * 60 * 60_000;
const never = new AbortController().signal;

/** Real stores for one actor, whose clock this is. */
export function localStores(
  database: Database,
  { store, stored }: ReturnType<typeof createMemoryBlobs>,
  now: Clock,
): Stores {
  return {
    cache: createLocalBuildCache(database, now),
    manifests: createLocalStoredManifests(database),
    store,
    blobs: stored,
    layers: createLocalLayerCache(database),
    pins: createLocalPins(database),
    plans: createLocalPlans(database, now),
    pulls: createLocalPulls(database),
    referrers: createLocalReferrers(database),
  };
}

/** The registry function, whose pulls never wait: what is not there yet is asked for again. */
export function registryOver(stores: Stores, now: Clock, publish: (key: string) => void) {
  const queue = {
    publish: async (job: { readonly kind: string; readonly key?: string }) =>
      void (job.key !== undefined && publish(job.key)),
    consume: () => Promise.reject(new Error("nobody takes jobs here")),
  };
  const { store, ...ports } = stores;
  return assemble({
    ...ports,
    blobs: store,
    queues: { pull: queue, prebuild: queue, pin: queue },
    packageSet,
    options,
    policy: anythingGoes,
    platforms: ["amd64", "arm64"],
    settings: {
      pinSeconds: 60,
      holdSeconds: 60,
      longHoldSeconds: 60,
      prebuildImages: 0,
      trustedHops: 0,
    },
    access: undefined,
    quotas: undefined,
    sweepStaging: () => Promise.reject(new Error("nothing is staged here")),
    draining: AbortSignal.abort(),
    now,
    log: () => undefined,
  }).registry;
}

export function retentionOver(stores: Stores, now: Clock) {
  return createRetention({ ...stores, keepMs, graceMs, now, log: () => undefined });
}

// Some are shared by packages, and one by platforms too.
const layersOf: Readonly<Record<string, readonly number[]>> = {
  git: [0, 1, 2],
  curl: [0, 1, 3],
  jq: [0, 4],
};

/** Does what a worker does, with the parts of it that touch stores; answers whether it settled the build. */
export async function buildIn(
  { cache, store: blobs, layers }: Stores,
  key: BuildRecord["key"],
  now: Clock,
): Promise<boolean> {
  const claimed = await cache.claim(key, "worker", 60_000);
  if (claimed.state !== "mine") return false;
  const { image, pin } = claimed.record;
  for (const plan of Object.values(pin.plans ?? {})) {
    if ((await blobs.read(plan, 1000)) === undefined) throw new PlanGone(plan);
  }
  const names = image.packages.flatMap((name) =>
    (layersOf[name] ?? []).map((i) => (i === 0 ? "layer 0" : `${image.architecture} layer ${i}`)),
  );
  const began = now();
  const keys = names.map((name) => layerKey([{ path: name }], "none"));
  const reusable = await reusableLayers({ blobs, layers }, keys);
  const packed = [];
  for (const [i, name] of names.entries()) {
    const layer = keys[i] ?? "";
    const made = async () => {
      const entry = await packTar(blobs, "none", once(name), never);
      await layers.write(layer, entry);
      return entry;
    };
    packed.push({ ...(reusable.get(layer) ?? (await made())), comment: name });
  }
  const links = `links of ${key}`;
  const top = { ...(await packTar(blobs, "none", once(links), never)), comment: links };
  const config = { architecture: image.architecture, env: [], cmd: undefined, labels: { key } };
  const documents = imageDocuments(config, [...packed, top], "none");
  const stored = await blobs.write(once(documents.config), never);
  await holdAgain(blobs, [stored, ...packed, top], began, now);
  return await cache.settle(claimed.lease, { state: "ready", manifest: documents.manifest });
}

/** A layer plan that a pin names is not there: no build may ever see that. */
export class PlanGone extends Error {
  constructor(plan: Digest) {
    super(`the layer plan ${plan} is gone`);
  }
}

/** Has a layer plan that applies from now on. */
export async function learnPlan({ plans, store }: Stores, now: Clock): Promise<void> {
  const { digest } = await store.write(once("a layer plan"), never);
  const id = planId("git+https://example.com/packages", "amd64", options.layerBudget);
  const current = { digest, revision: "r0", learnedAt: now() };
  await plans.replace(id, 0, { askedAt: now(), current });
}

async function* once(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}
