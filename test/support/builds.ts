import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { mediaTypes } from "../../core/manifest.ts";
import type { BuildRequest, Failure, Settlement, StoredManifest } from "../../core/record.ts";

/** Builds for tests of what lies around building. */

export const options: ImageOptions = {
  layerBudget: 94,
  popularity: "",
  compression: "gzip",
  allowUnfree: false,
};

export const pin = { packageSet: "starter", revision: "v0000000000000000000000000000000" };

export function buildOf(name: string): BuildRequest {
  const image = parseImage(name, "amd64");
  return { key: buildKey(image, pin, options), image, pin };
}

export function manifestOf(name: string): StoredManifest {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, name }));
  return { digest: digestOf(bytes), mediaType: mediaTypes.manifest, bytes };
}

export function ready(name: string): Settlement {
  return { state: "ready", manifest: manifestOf(name) };
}

export function failed(failure: Partial<Failure> = {}): Settlement {
  const standard = { reason: "build-failed", message: "it does not compile", log: [] } as const;
  return { state: "failed", failure: { ...standard, ...failure } };
}

export const progress = { phase: "packing", done: 1, total: 2, message: "half" } as const;
