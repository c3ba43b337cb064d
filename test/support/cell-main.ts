import { messageOf } from "../../core/log.ts";
import { openCell } from "../../worker/cell.ts";
import { createRun } from "../../worker/run.ts";

// A program of its own, so that it can be another user: runs a script in a cell, with the way out, and prints what it says.
const [script = "", exempt = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const run = createRun({ PATH: process.env["PATH"] ?? "" });
const isRoot = process.getuid?.() === 0;
const log = () => undefined;
try {
  await using cell = await openCell({ run, log, isRoot, exempt: new Set([exempt]) }, signal);
  const confined = await cell.enter("way-out", "sh", ["-c", script]);
  const { stdout, stderr } = await run({ ...confined, signal });
  process.stdout.write(`${stdout}\n${stderr}\n`);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
