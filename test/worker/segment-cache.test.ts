import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { nodeCompressors, type SegmentCompressor } from "../../worker/compress.ts";
import { openSegmentCache } from "../../worker/segment-cache.ts";
import { alone, nasty, nastyStore, packer, plain } from "../support/packer.ts";
import { temporaryFolder } from "../support/store-tree.ts";

describe("a store path is compressed once:", () => {
  const counting = (compressor: SegmentCompressor) => {
    const calls: string[] = [];
    const counted: SegmentCompressor = {
      ...compressor,
      compress: async (files, signal) => {
        calls.push(...files);
        await compressor.compress(files, signal);
      },
    };
    return { calls, compressors: { ...nodeCompressors, gzip: counted } };
  };

  test("another layer with it, in this process or the next, is the same as without the cache", async () => {
    const root = nastyStore();
    const folder = temporaryFolder();
    const first = counting(nodeCompressors.gzip);
    const cache = await openSegmentCache(folder, 10_000_000);
    await packer(root, { compressors: first.compressors, cache }).pack([[nasty, plain]]);
    // The folders above, two paths, the end.
    expect(first.calls).toHaveLength(4);

    const [expected] = await packer(root).pack([[plain, alone]]);
    for (const again of [cache, await openSegmentCache(folder, 10_000_000)]) {
      const counted = counting(nodeCompressors.gzip);
      const packed = packer(root, { compressors: counted.compressors, cache: again });
      expect(await packed.pack([[plain, alone]])).toEqual([expected]);
      expect(counted.calls).toHaveLength(1);
      expect(packed.said).toEqual([]);
    }
  });

  const largest = (folder: string) => {
    const names = readdirSync(folder).filter((name) => name !== "staging");
    const sized = names.map((name) => ({ name, size: readFileSync(join(folder, name)).length }));
    return join(folder, sized.sort((a, b) => b.size - a.size)[0]?.name ?? "");
  };
  test.each([
    ["damaged in its middle", (file: string) => flip(file, 0.5)],
    ["damaged at its end", (file: string) => flip(file, 1)],
    ["cut short", (file: string) => truncateSync(file, 100)],
    ["gone", (file: string) => rmSync(file)],
  ])("a segment that is %s is made anew", async (_, harm) => {
    const root = nastyStore();
    const folder = temporaryFolder();
    const cache = await openSegmentCache(folder, 10_000_000);
    const expected = await packer(root, { cache }).pack([[nasty, plain]]);
    harm(largest(folder));
    const packed = packer(root, { cache });
    expect(await packed.pack([[nasty, plain]])).toEqual(expected);
    expect(packed.said).toEqual([expect.stringMatching(/^WARNING: a layer is packed once more: /)]);
    const again = packer(root, { cache });
    await again.pack([[nasty, plain]]);
    expect(again.said).toEqual([]);
  });

  test("a path that was built anew, to other bytes of the same number, is compressed anew", async () => {
    const root = nastyStore();
    const cache = await openSegmentCache(temporaryFolder(), 10_000_000);
    await packer(root, { cache }).pack([[plain]]);
    writeFileSync(join(root, plain, "lib/two"), "owt");
    const packed = packer(root, { cache });
    const [layer] = await packed.pack([[plain]]);
    if (layer === undefined) throw new Error("no layer");
    expect(digestOf(gunzipSync(packed.blob(layer)))).toBe(layer.diffId);
    expect(packed.said).toEqual([expect.stringContaining("is not of what is in the store now")]);
  });

  test("what was not used for longest goes when there is no room", async () => {
    const root = nastyStore();
    const folder = temporaryFolder();
    await packer(root, { cache: await openSegmentCache(folder, 10_000_000) }).pack([
      [nasty, plain],
    ]);
    const bytes = () =>
      readdirSync(folder)
        .filter((name) => name !== "staging")
        .reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
    const limit = bytes() - 1;
    await openSegmentCache(folder, limit);
    expect(bytes()).toBeLessThanOrEqual(limit);
    expect(bytes()).toBeGreaterThan(0);
  });

  test("without room on the disk for segments, layers are packed all the same", async () => {
    const root = nastyStore();
    const cache = await openSegmentCache(temporaryFolder(), 10_000_000);
    // What /dev/full is to a file, this is to a folder.
    const full = { ...cache, staging: "/proc/self/fdinfo" };
    const packed = packer(root, { cache: full });
    expect(await packed.pack([[nasty, plain]])).toEqual(await packer(root).pack([[nasty, plain]]));
    expect(packed.said).toHaveLength(2);
    expect(packed.said[0]).toMatch(/nothing can be written to/);
  });

  test("a compressor that fails is an error that says so, and leaves nothing behind", async () => {
    const root = nastyStore();
    const gzip = {
      ...nodeCompressors.gzip,
      compress: () => Promise.reject(new Error("igzip failed: it was killed")),
    };
    const cache = await openSegmentCache(temporaryFolder(), 10_000_000);
    const packed = packer(root, { compressors: { ...nodeCompressors, gzip }, cache });
    await expect(packed.pack([[plain]])).rejects.toThrow("igzip failed: it was killed");
    expect(readdirSync(cache.staging)).toEqual([]);
  });
});

function flip(file: string, where: number): void {
  const bytes = readFileSync(file);
  const at = Math.floor((bytes.length - 1) * where);
  bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
  writeFileSync(file, bytes);
}
