import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { Parser } from "tar";
import { expect } from "vitest";
import { checkDocument } from "./oci-schema.ts";
import { unpackZstd } from "./zstd.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Manifest {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Config {
  readonly architecture: string;
  readonly os: string;
  readonly created: string;
  readonly config: {
    readonly Env: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history: readonly { readonly empty_layer?: boolean }[];
}

/** What a layer says of one file. */
export interface TarEntry {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly owner: string;
  readonly mtime: number;
  readonly target: string;
  readonly content: string;
}

export interface Image {
  readonly manifest: Manifest;
  readonly config: Config;
  /** From the lowest to the highest; `tar` is uncompressed. */
  readonly layers: readonly { readonly tar: Buffer; readonly entries: readonly TarEntry[] }[];
}

/** A place that has blobs. */
export type Blobs = (digest: string) => Promise<Uint8Array>;

/** Reads an image from its manifest on, and checks each document and blob against the OCI image specification. */
export async function readImage(manifestBytes: Uint8Array, blobs: Blobs): Promise<Image> {
  checkDocument("application/vnd.oci.image.manifest.v1+json", manifestBytes);
  const manifest = parse(manifestBytes) as Manifest;
  expect(manifest).toMatchObject({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json" },
  });
  const configBytes = await fetchBlob(manifest.config, blobs);
  checkDocument(manifest.config.mediaType, configBytes);
  const config = parse(configBytes) as Config;
  const { diff_ids: diffIds, type } = config.rootfs;
  expect(type).toBe("layers");
  expect(config.os).toBe("linux");
  expect(manifest.layers.length).toBeGreaterThan(0);
  expect(diffIds).toHaveLength(manifest.layers.length);
  expect(config.history.filter((entry) => entry.empty_layer !== true)).toHaveLength(diffIds.length);
  expect(Date.parse(config.created)).not.toBeNaN();
  const layers = [];
  for (const [i, layer] of manifest.layers.entries()) {
    const tar = decompressed(layer.mediaType, await fetchBlob(layer, blobs));
    expect(sha256(tar), `the diff id of layer ${i}`).toBe(diffIds[i]);
    layers.push({ tar, entries: await entriesOf(tar) });
  }
  return { manifest, config, layers };
}

/** What a layer of some media type holds; whoever is particular about the type compares it himself. */
function decompressed(mediaType: string, bytes: Uint8Array): Buffer {
  const [, how] = /^application\/vnd\.oci\.image\.layer\.v1\.tar(.*)$/.exec(mediaType) ?? [];
  if (how === "+gzip") return gunzipSync(bytes);
  if (how === "+zstd") return unpackZstd(bytes);
  expect(how, mediaType).toBe("");
  return Buffer.from(bytes);
}

/** The bytes of what a descriptor describes, checked against its digest and size. */
async function fetchBlob(descriptor: Descriptor, blobs: Blobs): Promise<Uint8Array> {
  const bytes = await blobs(descriptor.digest);
  expect(bytes.byteLength, descriptor.digest).toBe(descriptor.size);
  expect(sha256(bytes)).toBe(descriptor.digest);
  return bytes;
}

/** What every layer of every image promises. */
export function expectSoundLayers(image: Image): void {
  for (const { entries } of image.layers) {
    const seen = new Set<string>();
    const problems: string[] = [];
    for (const entry of entries) {
      const { path, uid, gid, owner, mtime } = entry;
      const parent = path.slice(0, path.lastIndexOf("/"));
      if (entry.type === "Link") problems.push(`${path} is a hard link`);
      if (uid !== 0 || gid !== 0 || owner !== "")
        problems.push(`${path} is of ${owner} ${uid}:${gid}`);
      if (mtime !== 1) problems.push(`${path} has the time ${mtime}`);
      if (seen.has(path)) problems.push(`${path} is there twice`);
      // Docker 20.10 makes a folder that has no entry of its own with mode 0600.
      if (path.includes("/") && !seen.has(parent)) problems.push(`${path} comes before its folder`);
      seen.add(path);
    }
    expect(problems).toEqual([]);
  }
}

/** The files of an image as a container sees them: what a higher layer says of a path wins. */
export function filesOf(image: Image): ReadonlyMap<string, TarEntry> {
  return new Map(
    image.layers.flatMap(({ entries }) => entries.map((entry) => [entry.path, entry])),
  );
}

/** Where a path of an image leads when its links are followed inside of it; undefined where that is nowhere. */
export function resolveIn(
  files: ReadonlyMap<string, TarEntry>,
  path: string,
  hops = 40,
): TarEntry | undefined {
  let at = "";
  const parts = path.split("/").filter((part) => part !== "");
  for (const [i, part] of parts.entries()) {
    at = at === "" ? part : `${at}/${part}`;
    const entry = files.get(at);
    if (entry === undefined) return undefined;
    if (entry.type !== "SymbolicLink") continue;
    if (hops === 0) return undefined;
    const folder = at.split("/").slice(0, -1).join("/");
    const target = entry.target.startsWith("/") ? entry.target : `${folder}/${entry.target}`;
    const rest = parts.slice(i + 1).join("/");
    return resolveIn(files, withoutDots(`${target}/${rest}`), hops - 1);
  }
  return files.get(at);
}

function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "." && part !== "") kept.push(part);
  }
  return kept.join("/");
}

async function entriesOf(tar: Buffer): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => {
        // Account files and the like; what is larger nobody compares.
        if (entry.size < 4096) chunks.push(chunk);
      });
      entry.on("end", () =>
        entries.push({
          path: entry.path.replace(/^\.\//, "").replace(/\/$/, "") || ".",
          type: entry.type,
          mode: entry.mode ?? -1,
          uid: entry.uid ?? -1,
          gid: entry.gid ?? -1,
          owner: `${entry.uname ?? ""}${entry.gname ?? ""}`,
          mtime: (entry.mtime?.getTime() ?? -1) / 1000,
          target: entry.linkpath ?? "",
          content: Buffer.concat(chunks).toString(),
        }),
      );
    },
  });
  const ended = new Promise<void>((done, fail) => parser.on("end", done).on("error", fail));
  parser.end(tar);
  await ended;
  return entries;
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}
