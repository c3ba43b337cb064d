import type { Compression } from "./compression.ts";
import type { Architecture } from "./image.ts";
import { digestOf, type Digest } from "./digest.ts";
import type { StoredManifest } from "./record.ts";

/** Media types of the OCI image specification 1.1. */
export const mediaTypes = {
  config: "application/vnd.oci.image.config.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  gzipLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstdLayer: "application/vnd.oci.image.layer.v1.tar+zstd",
  tarLayer: "application/vnd.oci.image.layer.v1.tar",
} as const;

const layerTypes = {
  gzip: mediaTypes.gzipLayer,
  zstd: mediaTypes.zstdLayer,
  none: mediaTypes.tarLayer,
} as const;

/** A layer as manifest and configuration name it; `comment` says in a few words what it holds. */
export interface ImageLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly comment: string;
}

export interface ImageConfig {
  readonly architecture: Architecture;
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cmd: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

// Clients take arm64 for its eighth version, and an image that says so for the same.
const variants = { amd64: {}, arm64: { variant: "v8" } } as const;

// A constant, so that equal inputs are equal images; one second, because some tools take zero for "unknown".
const created = "1970-01-01T00:00:01Z";

/**
 * The configuration and the manifest of an image, serialised once: these bytes are stored and served.
 * Layers come bottom first. [OCI image specification 1.1, config.md and manifest.md]
 */
export function imageDocuments(
  config: ImageConfig,
  layers: readonly ImageLayer[],
  compression: Compression,
): { readonly config: Uint8Array; readonly manifest: StoredManifest } {
  const configBytes = serialise({
    created,
    ...platformOf(config.architecture),
    config: {
      Env: config.env,
      ...(config.cmd === undefined ? {} : { Cmd: config.cmd }),
      WorkingDir: "/",
      Labels: sortedByKey(config.labels),
    },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((layer) => ({ created, created_by: "firn", comment: layer.comment })),
  });
  const manifestBytes = serialise({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: {
      mediaType: mediaTypes.config,
      digest: digestOf(configBytes),
      size: configBytes.byteLength,
    },
    layers: layers.map(({ digest, size }) => ({
      mediaType: layerTypes[compression],
      digest,
      size,
    })),
  });
  return {
    config: configBytes,
    manifest: {
      digest: digestOf(manifestBytes),
      mediaType: mediaTypes.manifest,
      bytes: manifestBytes,
    },
  };
}

/**
 * An index of one manifest a platform, in the order in which they come: a client takes that of its own machine.
 * [OCI image specification 1.1, image-index.md]
 */
export function imageIndex(entries: readonly IndexEntry[]): StoredManifest {
  const bytes = serialise({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: entries.map(({ architecture, manifest }) => ({
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.byteLength,
      platform: platformOf(architecture),
    })),
  });
  return { digest: digestOf(bytes), mediaType: mediaTypes.index, bytes };
}

export interface IndexEntry {
  readonly architecture: Architecture;
  readonly manifest: StoredManifest;
}

/** A platform as configurations and indexes name it; clients compare with the variant, too. */
export function platformOf(architecture: Architecture) {
  return { architecture, ...variants[architecture], os: "linux" } as const;
}

function serialise(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function sortedByKey(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
