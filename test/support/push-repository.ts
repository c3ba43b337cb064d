import { createHash } from "node:crypto";
import { anythingGoes } from "../../core/build-policy.ts";
import { buildKey } from "../../core/build-key.ts";
import type { Digest } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { packageSetId, selectRevision, type PackageSet } from "../../core/package-set.ts";
import type { BlobStore, BuildCache, JobQueue, Pins, Referrers } from "../../core/ports.ts";
import type { StoredManifest } from "../../core/record.ts";
import type { CurrentPins } from "../../functions/current-pin.ts";
import { createRegistry, type Registry } from "../../functions/registry.ts";
import { createWaiting } from "../../functions/waiting.ts";
import { options } from "./builds.ts";

/** A name that was pushed to: what it has now, and the product's own handlers to read it with. */
export interface PushRepository {
  readonly name: string;
  readonly blobs: Set<Digest>;
  readonly manifests: Set<Digest>;
  readonly tags: ReadonlyMap<string, Digest>;
  readonly registry: Registry;
  /** Stores a manifest, as a build would. */
  keep(manifest: StoredManifest, tags: readonly string[]): Promise<void>;
  /** False where there is no such tag. */
  dropTag(tag: string): Promise<boolean>;
  /** Takes the tags of the manifest with it; false where it is not here. */
  dropManifest(digest: Digest): Promise<boolean>;
}

export interface PushStores {
  readonly cache: BuildCache;
  readonly pins: Pins;
  readonly blobs: BlobStore;
  readonly referrers: Referrers;
  readonly log: (severity: string, message: string) => void;
}

/** Throws NAME_INVALID for a name that the product would not read either. */
export function createPushRepository(name: string, stores: PushStores): PushRepository {
  const { cache, pins, blobs, referrers, log } = stores;
  const image = parseImage(name, "amd64");
  // A package set of its own, so that a tag of one repository is not that of another.
  const packageSet: PackageSet = { kind: "path", path: name };
  const present = { blobs: new Set<Digest>(), manifests: new Set<Digest>() };
  const tags = new Map<string, Digest>();
  let pushes = 0;

  function pinIdOf(tag: string): string {
    const selection = selectRevision(packageSet, tag);
    if (selection.kind === "revision") throw new Error("a folder has no commits");
    return selection.pinId;
  }

  async function movePin(tag: string, revision: string | undefined): Promise<void> {
    const id = pinIdOf(tag);
    const version = (await pins.read(id))?.version ?? 0;
    const askedAt = Date.now();
    const current = revision === undefined ? {} : { current: { revision, resolvedAt: askedAt } };
    const isMoved = await pins.replace(id, version, { reference: tag, askedAt, ...current });
    if (!isMoved) await movePin(tag, revision);
  }

  /** A record that is ready, at a revision nobody else uses. */
  async function record(manifest: StoredManifest): Promise<string> {
    pushes += 1;
    const what = `${name} ${manifest.digest} ${pushes}`;
    const revision = createHash("sha256").update(what).digest("hex");
    const pin = { packageSet: packageSetId(packageSet), revision };
    const key = buildKey(image, pin, options);
    await cache.request({ key, image, pin }, "pull");
    const claimed = await cache.claim(key, "push", 60_000);
    if (claimed.state !== "mine") throw new Error(`${key} is ${claimed.state}`);
    await cache.settle(claimed.lease, { state: "ready", manifest });
    return revision;
  }

  const currentPins: CurrentPins = {
    async known(tag) {
      const current = (await pins.read(pinIdOf(tag)))?.current;
      return current && { packageSet: packageSetId(packageSet), revision: current.revision };
    },
    wasFound: async () => true,
    begin: async () => undefined,
    lookUp: async (tag) => {
      const message = `${name} has no tag "${tag}"`;
      const failure = { reason: "revision-unknown", message, failedAt: Date.now() } as const;
      return { state: "failed", failure };
    },
  };
  const nothing: JobQueue = {
    publish: () => Promise.reject(new Error("nothing is built here: it has to be pushed")),
    consume: () => Promise.reject(new Error("there are no jobs")),
  };
  // Deleted is what reads as absent.
  const read = {
    cache: {
      ...cache,
      manifest: async (digest: Digest) =>
        present.manifests.has(digest) ? await cache.manifest(digest) : undefined,
    },
    blobs: {
      ...blobs,
      stat: async (digest: Digest) =>
        present.blobs.has(digest) ? await blobs.stat(digest) : undefined,
      locate: async (digest: Digest) =>
        present.blobs.has(digest) ? await blobs.locate(digest) : undefined,
    },
    referrers: {
      list: async (subject: Digest) =>
        (await referrers.list(subject)).filter(({ digest }) => present.manifests.has(digest)),
    },
  };
  const tools = {
    ...read,
    queue: nothing,
    pins: currentPins,
    packageSet,
    plans: { applied: async () => undefined },
    references: pins,
    notes: { note: async () => undefined },
    waiting: createWaiting(cache, nothing, log),
    options,
    policy: anythingGoes,
    platforms: ["amd64"],
    hold: { shortMs: 1000, longMs: 1000 },
    warmMs: 1,
    now: Date.now,
    draining: new AbortController().signal,
    log,
  } as const;

  async function dropTag(tag: string): Promise<boolean> {
    if (!tags.delete(tag)) return false;
    await movePin(tag, undefined);
    return true;
  }

  return {
    name,
    ...present,
    tags,
    registry: createRegistry(tools),
    async keep(manifest, under) {
      const revision = await record(manifest);
      present.manifests.add(manifest.digest);
      for (const tag of under) {
        await movePin(tag, revision);
        tags.set(tag, manifest.digest);
      }
    },
    dropTag,
    async dropManifest(digest) {
      if (!present.manifests.delete(digest)) return false;
      for (const [tag, at] of tags) if (at === digest) await dropTag(tag);
      return true;
    },
  };
}
