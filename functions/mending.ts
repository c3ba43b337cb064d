import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import { buildKey, type ImageOptions } from "../core/build-key.ts";
import type { Digest } from "../core/digest.ts";
import { RegistryError } from "../core/errors.ts";
import { planned } from "../core/layer-plans.ts";
import { parseImages, type Image, type Platforms } from "../core/image.ts";
import { messageOf } from "../core/log.ts";
import { packageSetId, type PackageSet, type Pin } from "../core/package-set.ts";
import type { Clock, Plans } from "../core/ports.ts";
import { requestBuild, type RequestTools } from "../core/request-build.ts";

export interface MendingTools extends RequestTools {
  readonly packageSet: PackageSet;
  readonly plans: Pick<Plans, "applied">;
  readonly options: ImageOptions;
  readonly platforms: Platforms;
  readonly now: Clock;
}

const mostRevisions = 20;
// Whoever asks for digests at random makes us look once in this time, for each name.
const onceInMs = 60_000;

/**
 * Makes the function that hears of a blob that is missing under a name, and has the image made anew whose manifest
 * promises it: the layers that are left are reused. Never rejects.
 */
export function createMending(tools: MendingTools) {
  const { cache, packageSet, plans, options, log, now } = tools;
  const looked = new LRUCache<string, true>({
    ...atMost(10_000),
    ttl: onceInMs,
    ttlResolution: 0,
    perf: { now },
  });

  async function mendAt(image: Image, pin: Pin, digest: Digest): Promise<void> {
    const key = buildKey(image, pin, options);
    const record = await cache.read(key);
    if (record?.state !== "ready") return;
    if (!new TextDecoder().decode(record.manifest.bytes).includes(digest)) return;
    if (!(await cache.spoil(key, record.manifest.digest))) return;
    log("ERROR", `the blob ${digest} is lost: its image is made anew`, { key, digest });
    await requestBuild(tools, { key, image, pin }, "pull", "lost-blob");
  }

  return async (name: string, digest: Digest): Promise<void> => {
    if (looked.has(name)) return;
    try {
      const images = parseImages(name, tools.platforms);
      looked.set(name, true);
      const set = packageSetId(packageSet);
      const revisions = await cache.revisions(set, images, mostRevisions);
      const pins = await Promise.all(
        revisions.map(async (revision) => {
          const pin = { packageSet: set, revision };
          return planned(pin, await plans.applied(pin));
        }),
      );
      for (const image of images) for (const pin of pins) await mendAt(image, pin, digest);
    } catch (error) {
      if (error instanceof RegistryError) return;
      log("ERROR", `could not look after the missing blob ${digest}: ${messageOf(error)}`);
    }
  };
}
