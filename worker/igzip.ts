import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { messageOf } from "../core/log.ts";
import { memberSuffix, type SegmentCompressor } from "./compress.ts";
import type { Run } from "./run.ts";
import { createSpawner } from "./spawner.ts";

// Starting it takes some milliseconds, and so much is compressed in 40.
const batchBytes = 16 * 1024 * 1024;
const never = new AbortController().signal;
// What takes longer hangs: a minute, and a hundred times what a byte takes.
const [patienceMs, bytesPerMs] = [60_000, 3000];
// Of the files in a list. Long options beside several files make it crash.
const script = `xargs -0 igzip -1 -n -k -S ${memberSuffix} <"$0" >"$0.said" 2>&1`;

/**
 * ISA-L's gzip at level 1, 8 times as fast as zlib at level 6, for layers some 10 % larger. Its name holds its version
 * and a fingerprint of what it makes of known bytes: the library has code for several generations of processors, and
 * layers of two that differ are two layers. Throws where it is missing, or does not do what a compressor has to. One that
 * hangs is stopped, and what it was to compress fails: zlib would give other bytes than the name says.
 */
export async function createIgzip(run: Run, atLeastMs = patienceMs): Promise<SegmentCompressor> {
  const asked = { file: "igzip", args: ["-V"], timeoutMs: atLeastMs, signal: never };
  const { stdout, stderr } = await run(asked);
  const version = /\d+(?:\.\d+)+/.exec(`${stdout}${stderr}`)?.[0];
  if (version === undefined) throw new Error(`igzip does not say its version: "${stdout}"`);
  const runOn = createSpawner(run, script, availableParallelism());
  const compress: SegmentCompressor["compress"] = async (files) => {
    const list = `${files[0]}.list`;
    await writeFile(list, files.map((file) => `${file}\0`).join(""));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    try {
      await runOn(list, atLeastMs + Math.ceil(bytes / bytesPerMs));
    } catch (cause) {
      const said = (await readFile(`${list}.said`, "utf8").catch(() => "")).trim();
      const reason = messageOf(cause) + (said === "" ? "" : `: ${said}`);
      throw new Error(`igzip failed: ${reason}`, { cause });
    }
  };
  const fingerprint = await selfTest(compress);
  return {
    name: `igzip ${version}, level 1, ${fingerprint}`,
    batchBytes,
    format: "gzip",
    compress,
  };
}

async function selfTest(compress: SegmentCompressor["compress"]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "firn-igzip-"));
  try {
    const files = samples().map((bytes, i) => ({ bytes, file: join(folder, `sample-${i}`) }));
    for (const { file, bytes } of files) await writeFile(file, bytes);
    await compress(
      files.map(({ file }) => file),
      never,
    );
    const hash = createHash("sha256");
    for (const { file, bytes } of files) {
      const member = await readFile(`${file}${memberSuffix}`);
      if (!gunzipSync(member).equals(bytes)) {
        throw new Error("what igzip compresses does not unpack to what it was");
      }
      hash.update(member);
    }
    return hash.digest("hex").slice(0, 16);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// Of nothing, of text, of what hardly repeats, and of both at a size that its buffers do not hold at once.
function samples(): readonly Buffer[] {
  const text = Buffer.from(
    Array.from({ length: 4000 }, (_, i) => `line ${(i * i) % 997} of ${i} lines\n`).join(""),
  );
  const noise = Buffer.alloc(1024 * 1024);
  let state = 1;
  for (let at = 0; at < noise.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noise[at] = state >>> (at % 3 === 0 ? 24 : 29);
  }
  return [Buffer.alloc(0), Buffer.of(0x61), text, noise, Buffer.concat([noise, text, noise, text])];
}
