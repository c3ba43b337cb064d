import { parseBuildKey } from "../core/build-key.ts";
import { RegistryError } from "../core/errors.ts";
import { imageName } from "../core/image.ts";
import type { BuildCache } from "../core/ports.ts";
import type { BuildRecord } from "../core/record.ts";
import type { RegistryResponse } from "./exchange.ts";
import * as respond from "./respond.ts";

const shown = 50;

/** What was built lately and what is being built. */
export async function serveStatus(cache: BuildCache): Promise<RegistryResponse> {
  const records = await cache.recent(shown);
  return respond.readableJson({ builds: records.map(describe) });
}

/** How far one build is. */
export async function serveBuildStatus(cache: BuildCache, text: string): Promise<RegistryResponse> {
  const key = parseBuildKey(text);
  const record = key && (await cache.read(key));
  if (record === undefined) {
    throw new RegistryError(404, "MANIFEST_UNKNOWN", `nobody asked for a build "${text}"`);
  }
  return respond.readableJson(describe(record));
}

function describe(record: BuildRecord) {
  const { key, image, pin, state, attempt } = record;
  const always = {
    image: imageName(image),
    state,
    packageSet: pin.packageSet,
    revision: pin.revision,
    requestedAt: new Date(record.requestedAt).toISOString(),
    attempt,
    key,
  };
  switch (record.state) {
    case "queued":
      return always;
    case "building":
      return { ...always, progress: record.progress };
    case "ready":
      return {
        ...always,
        seconds: (record.settledAt - record.requestedAt) / 1000,
        digest: record.manifest.digest,
      };
    case "failed":
      return {
        ...always,
        failure: record.failure,
        retryAt: new Date(record.retryAt).toISOString(),
      };
  }
}
