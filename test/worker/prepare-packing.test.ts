import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeCompressors } from "../../worker/compress.ts";
import { chooseGzip } from "../../worker/prepare-packing.ts";
import { createRun } from "../../worker/run.ts";
import { need } from "../support/need.ts";
import { temporaryFolder } from "../support/store-tree.ts";

const path = process.env["PATH"] ?? "";

/** A way to run programs where igzip is this script. */
function runWith(script: string) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "igzip"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "igzip"), 0o755);
  return createRun({ PATH: `${folder}:${path}` });
}

const sayVersion = `[ "$1" = -V ] && { echo "igzip command line interface 9.9"; exit 0; }\nshift 5`;

test("igzip is used where it is sound; its name has its version and what it makes", async (context) => {
  need(context, "igzip");
  const chosen = await chooseGzip("auto", createRun({ PATH: path }), () => undefined);
  expect(chosen.name).toMatch(/^igzip \d+\.\d+\.\d+, level 1, [0-9a-f]{16}$/);
  const again = await chooseGzip("igzip", createRun({ PATH: path }), () => undefined);
  expect(again.name).toBe(chosen.name);
});

test.each([
  ["is missing", "exit 127", /igzip/],
  ["crashes", `${sayVersion}\nkill -SEGV $$`, /igzip failed/],
  [
    "makes other bytes of them",
    `${sayVersion}\nfor f; do echo lie | gzip >"$f.member"; done`,
    /does not unpack/,
  ],
  ["makes no file", `${sayVersion}\nexit 0`, /no such file/],
  ["does not say its version", "echo hello", /does not say its version/],
])("zlib is used where igzip %s, which is said once", async (_, script, reason) => {
  const said: string[] = [];
  const log = (severity: string, message: string) => void said.push(`${severity}: ${message}`);
  expect(await chooseGzip("auto", runWith(script), log)).toBe(nodeCompressors.gzip);
  expect(said).toEqual([expect.stringMatching(/^INFO: layers are compressed by zlib/)]);
  expect(said[0]).toMatch(reason);
  expect(said[0]).toMatch(/package isal$/);
  await expect(chooseGzip("igzip", runWith(script), log)).rejects.toThrow("FIRN_GZIP is igzip");
  expect(await chooseGzip("zlib", runWith(script), log)).toBe(nodeCompressors.gzip);
  expect(said).toHaveLength(1);
});
