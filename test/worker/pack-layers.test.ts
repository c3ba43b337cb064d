import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { execaSync } from "execa";
import { describe, expect, test } from "vitest";
import { compressions } from "../../core/compression.ts";
import { digestOf } from "../../core/digest.ts";
import { nodeCompressors, type SegmentCompressor } from "../../worker/compress.ts";
import { createIgzip } from "../../worker/igzip.ts";
import { createRun } from "../../worker/run.ts";
import { need } from "../support/need.ts";
import { alone, nasty, nastyStore, packer, plain } from "../support/packer.ts";
import { temporaryFolder } from "../support/store-tree.ts";
import { unpackZstd } from "../support/zstd.ts";

const run = createRun({ PATH: process.env["PATH"] ?? "" });

function unpacked(tar: Buffer): string {
  const out = temporaryFolder();
  execaSync("tar", ["xpf", "-", "-C", out], { input: tar });
  return out;
}

const unpack = { gzip: gunzipSync, zstd: unpackZstd, none: (bytes: Buffer) => bytes };

/** Every file by its name in bytes, type, size, content and target. */
function contentOf(root: string): string {
  const list = [
    "find",
    "nix",
    "-printf",
    "%P %y %s %l\\n",
    "-type",
    "f",
    "-exec",
    "md5sum",
    "{}",
    "+",
  ];
  const { stdout } = execaSync(
    "sh",
    ["-c", `"$@" | grep -v ' d [0-9]* $' | LC_ALL=C sort`, "sh", ...list],
    {
      cwd: root,
      encoding: "latin1",
    },
  );
  return stdout;
}

async function compressorsHere(): Promise<readonly SegmentCompressor[]> {
  const igzip = await createIgzip(run).catch(() => undefined);
  return igzip === undefined ? [nodeCompressors.gzip] : [nodeCompressors.gzip, igzip];
}

describe("every layer unpacks to what is in the store:", () => {
  test.each(compressions)("the nastiest tree there may be, by %s", async (compression) => {
    const root = nastyStore();
    for (const gzip of compression === "gzip" ? await compressorsHere() : [nodeCompressors.gzip]) {
      const packed = packer(root, { compressors: { ...nodeCompressors, gzip } });
      const [layer] = await packed.pack([[nasty, plain, alone]], compression);
      if (layer === undefined) throw new Error("no layer");
      const tar = unpack[compression](packed.blob(layer));
      expect(digestOf(tar)).toBe(layer.diffId);
      const out = unpacked(tar);
      expect(contentOf(out)).toBe(contentOf(root));
      const { stdout } = execaSync("find", [out + nasty, "-type", "f", "-printf", "%m\\n"]);
      expect(new Set(stdout.split("\n"))).toEqual(new Set(["444", "555"]));
      execaSync("chmod", ["-R", "u+w", out]);
    }
  });
});

test("two workers give the same layers, in whatever order they are packed, several at once", async () => {
  const root = nastyStore();
  for (const gzip of await compressorsHere()) {
    const packing = { compressors: { ...nodeCompressors, gzip } };
    const one = await packer(root, packing).pack([[nasty, plain], [alone]]);
    const other = packer(root, packing);
    const [[lone], [both]] = await Promise.all([
      other.pack([[alone]]),
      other.pack([[nasty, plain]]),
      other.pack([[plain], [alone], [nasty]]),
    ]);
    expect([both, lone]).toEqual(one);
  }
});

test("workers with another compressor give other layers of the same diff ids, under other keys", async (context) => {
  need(context, "igzip");
  const root = nastyStore();
  const data = temporaryFolder();
  const compressors = { ...nodeCompressors, gzip: await createIgzip(run) };
  const [byZlib] = await packer(root, {}, data).pack([[plain]]);
  const [byIgzip] = await packer(root, { compressors }, data).pack([[plain]]);
  expect(byIgzip?.diffId).toBe(byZlib?.diffId);
  expect(byIgzip?.digest).not.toBe(byZlib?.digest);
  const [again] = await packer(root, {}, data).pack([[plain]]);
  expect(again).toEqual({ ...byZlib, isReused: true });
});

test("a package that cannot be packed ends the packing of the others, and says why", async () => {
  const root = nastyStore();
  writeFileSync(join(root, plain, ".wh.x"), "");
  await expect(packer(root).pack([[plain], [nasty], [alone]])).rejects.toMatchObject({
    name: "PackageFault",
    message: expect.stringContaining(".wh.x cannot be in an image") as string,
  });
});
