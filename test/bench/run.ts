import { readdir } from "node:fs/promises";
import { arch, cpus, release } from "node:os";
import { join } from "node:path";
import { prepare } from "../support/prepare.ts";
import { createRun } from "../../worker/run.ts";

/**
 * `npm run bench [-- <name> ...]`: every *.bench.ts in this folder, or those whose name contains one of the words,
 * each in a process of its own. One file answers one question against a named opponent in the same run.
 */
const words = process.argv.slice(2);
// There is no such server here, and looking for one is said in the middle of the figures.
process.env["METADATA_SERVER_DETECTION"] = "none";
const run = createRun(
  Object.fromEntries(
    Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  ),
);
const names = (await readdir(import.meta.dirname))
  .filter((name) => name.endsWith(".bench.ts"))
  .sort();
const chosen = names.filter(
  (name) => words.length === 0 || words.some((word) => name.includes(word)),
);
if (chosen.length === 0)
  throw new Error(`no benchmark is called ${words.join(" or ")}: ${names.join(", ")}`);

const needs = [
  { program: "nix-store", packages: ["nix-bin"], without: "benchmark of builds" },
  { program: "igzip", packages: ["isal"], without: "benchmark of packing" },
  { program: "wrk", packages: ["wrk"], without: "benchmark of warm pulls" },
];
if (prepare(needs).length > 0) throw new Error("install what is missing, and run it again");

const [cpu] = cpus();
console.log(
  `${cpus().length} x ${cpu?.model ?? arch()}, Linux ${release()}, Node ${process.version}`,
);
for (const name of chosen) {
  console.log(`\n== ${name}`);
  await run({
    file: process.execPath,
    args: [join(import.meta.dirname, name)],
    signal: new AbortController().signal,
    onOutputLine: (line) => console.log(line),
    onErrorLine: (line) => console.error(line),
  });
}
