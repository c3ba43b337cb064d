import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeCompressors } from "../../worker/compress.ts";
import { createIgzip } from "../../worker/igzip.ts";
import { createRun } from "../../worker/run.ts";
import { openSegmentCache } from "../../worker/segment-cache.ts";
import { nastyStore, packer, plain } from "../support/packer.ts";
import { processes } from "../support/processes.ts";
import { temporaryFolder } from "../support/store-tree.ts";

// By which it is told from those of other processes.
const hanging = `sleep 86399.${process.pid}`;

/** A program called igzip that is gzip, and hangs as long as there is a file `hang` beside it. */
function hangingIgzip() {
  const folder = temporaryFolder();
  const hang = join(folder, "hang");
  const script = `#!/bin/sh
    [ "$1" = -V ] && { echo "igzip command line interface 9.9"; exit 0; }
    shift 5
    for f; do
      [ -e ${hang} ] && { echo begun >"$f.member"; ${hanging}; }
      gzip -n <"$f" >"$f.member"
    done`;
  writeFileSync(join(folder, "igzip"), script);
  chmodSync(join(folder, "igzip"), 0o755);
  const run = createRun({ PATH: `${folder}:${process.env["PATH"] ?? ""}` });
  return { run, hang };
}

test("an igzip that hangs is stopped, and its layer fails; the next one is packed as if nothing had been", async () => {
  const { run, hang } = hangingIgzip();
  const gzip = await createIgzip(run, 1000);
  const cache = await openSegmentCache(temporaryFolder(), 10_000_000);
  const root = nastyStore();
  const packing = { compressors: { ...nodeCompressors, gzip } };
  const packed = packer(root, { ...packing, cache });

  writeFileSync(hang, "");
  const failure = /^igzip failed: it was stopped after 1\.\d+ s/;
  await expect(packed.pack([[plain]])).rejects.toThrow(failure);
  // It was tried three times, which is said.
  expect(packed.said).toHaveLength(2);
  expect(packed.said[0]).toMatch(
    /^WARNING: a layer is packed once more: igzip failed: it was stop/,
  );
  expect(processes().filter(({ command }) => command === hanging)).toEqual([]);
  expect(readdirSync(cache.staging)).toEqual([]);

  rmSync(hang);
  expect(await packed.pack([[plain]])).toEqual(await packer(root, packing).pack([[plain]]));
});

test("an igzip that hangs in its test is not used", async () => {
  const { run, hang } = hangingIgzip();
  writeFileSync(hang, "");
  await expect(createIgzip(run, 500)).rejects.toThrow("igzip failed: it was stopped after");
});
