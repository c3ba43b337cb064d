import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { imageDocuments, mediaTypes } from "../../core/manifest.ts";
import type { Pin } from "../../core/package-set.ts";
import type { BuildRequest, Failure, Settlement, StoredManifest } from "../../core/record.ts";
import { checkDocument } from "./oci-schema.ts";

/** Builds for tests of what lies around building. */

export const options: ImageOptions = {
  layerBudget: 94,
  popularity: "",
  compression: "gzip",
  allowUnfree: false,
  grouping: "plan",
};

export const pin = { packageSet: "starter", revision: "v0000000000000000000000000000000" };

/** A build at the pin of the tests, or at one that differs from it in this. */
export function buildOf(name: string, where: Partial<Pin> = {}): BuildRequest {
  const image = parseImage(name, "amd64");
  const there = { ...pin, ...where };
  return { key: buildKey(image, there, options), image, pin: there };
}

/** A manifest that no other name has. */
export function manifestOf(name: string): StoredManifest {
  const layer = { digest: digestOf(name), size: name.length, diffId: digestOf(name), comment: "" };
  const config = { architecture: "amd64", env: [], cmd: undefined, labels: { name } } as const;
  const documents = imageDocuments(config, [layer], "gzip");
  checkDocument(mediaTypes.config, documents.config);
  checkDocument(mediaTypes.manifest, documents.manifest.bytes);
  return documents.manifest;
}

export function ready(name: string): Settlement {
  return { state: "ready", manifest: manifestOf(name) };
}

export function failed(failure: Partial<Failure> = {}): Settlement {
  const standard = { reason: "build-failed", message: "it does not compile", log: [] } as const;
  return { state: "failed", failure: { ...standard, ...failure } };
}

export const progress = { phase: "packing", done: 1, total: 2, message: "half" } as const;
