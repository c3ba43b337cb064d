import { createHash } from "node:crypto";
import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import type { Digest } from "../../core/digest.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import { compressions } from "../../core/compression.ts";
import type { Slice } from "../../worker/archive.ts";
import { nodeCompressors } from "../../worker/compress.ts";
import { layerKey, packTar, reusableLayers } from "../../worker/pack.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;
const text = Buffer.from("the same bytes again and again. ".repeat(20_000));

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function store() {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const blobs = createLocalBlobStore(folder.path);
  return {
    path: folder.path,
    blobs,
    layers: createLocalLayerCache(database),
    file: (digest: string) => join(folder.path, "blobs", digest.replace(":", "/")),
    [Symbol.asyncDispose]: async () => {
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function read(tools: Awaited<ReturnType<typeof store>>, digest: Digest) {
  const located = await tools.blobs.locate(digest);
  if (located?.at !== "here") throw new Error(`no blob ${digest}`);
  return Buffer.concat(await Array.fromAsync(located.open({ first: 0, last: located.size - 1 })));
}

describe("packing a layer", () => {
  it("stores the compressed bytes by their digest, and measures both forms in one pass", async () => {
    await using tools = await store();
    const entry = await packTar(tools.blobs, "gzip", chunks(text), never);
    const stored = await read(tools, entry.digest);
    expect(sha256(stored)).toBe(entry.digest);
    expect(stored.length).toBe(entry.size);
    expect(gunzipSync(stored).equals(text)).toBe(true);
    expect(entry).toMatchObject({ diffId: sha256(text), rawSize: text.length });
  });

  it.each(compressions)(
    "gives the same bytes however the tar arrives in pieces: %s",
    async (compression) => {
      await using tools = await store();
      const one = await packTar(tools.blobs, compression, chunks(text), never);
      for (const pieces of [[text], [text.subarray(0, 300_000), text.subarray(300_000)]]) {
        const tar = Readable.from(pieces, { objectMode: false });
        expect(await packTar(tools.blobs, compression, tar, never)).toEqual(one);
      }
      expect(one).toMatchObject({ diffId: sha256(text), rawSize: text.length });
    },
  );

  it("can be given up, whatever compresses it", async () => {
    await using tools = await store();
    for (const compression of compressions) {
      const stopping = new AbortController();
      const endless = (async function* () {
        for (let i = 0; ; i += 1) {
          yield text;
          if (i === 20) stopping.abort(new Error("enough"));
        }
      })();
      await expect(packTar(tools.blobs, compression, endless, stopping.signal)).rejects.toThrow(
        "enough",
      );
    }
    expect(await readdir(join(tools.path, "staging"))).toEqual([]);
  });

  it("leaves nothing behind when reading the store fails half-way", async () => {
    await using tools = await store();
    const broken = (async function* () {
      yield text;
      throw new Error("a file changed while it was read");
    })();
    await expect(packTar(tools.blobs, "gzip", broken, never)).rejects.toThrow("a file changed");
    expect(await readdir(join(tools.path, "staging"))).toEqual([]);
  });
});

describe("a layer that was packed before", () => {
  it("is found by its key as long as its blob is whole", async () => {
    await using tools = await store();
    const entry = await packTar(tools.blobs, "gzip", chunks(text), never);
    await tools.layers.write("key", entry);
    expect(await reusableLayers(tools, ["key", "other"])).toEqual(new Map([["key", entry]]));
    await truncate(tools.file(entry.digest), entry.size - 1);
    expect(await reusableLayers(tools, ["key"])).toEqual(new Map());
  });

  it("has a key that depends on every slice, on their order, and on the compressor", () => {
    const keyOf = (...slices: readonly Slice[]) => layerKey(slices, "gzip");
    const [a, b] = [{ path: "/nix/store/a" }, { path: "/nix/store/b" }];
    expect(keyOf(a, b)).toBe(keyOf({ ...a }, { ...b }));
    const keys = [
      keyOf(a, b),
      keyOf(b, a),
      keyOf(a),
      keyOf({ path: "/nix/store/a/nix/store/b" }),
      keyOf({ ...a, first: "nix/store/a/x" }),
      keyOf({ ...a, before: "nix/store/a/x" }),
      layerKey([a, b], "zstd"),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("is another one under another compressor, whose name holds its version", () => {
    expect(compressions.map((compression) => nodeCompressors[compression].name)).toEqual([
      `gzip, zlib ${process.versions.zlib}, level 6`,
      `zstd ${process.versions.zstd}, level 3`,
      "none",
    ]);
  });
});
