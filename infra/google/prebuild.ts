import { parseArgs } from "node:util";
import { createLog } from "../../core/local/log.ts";
import { messageOf } from "../../core/log.ts";
import { readSettings } from "../../core/setting.ts";
import { functionsSettings } from "../../core/settings.ts";
import { inTrace, newTrace } from "../../core/trace.ts";
import { compose } from "../../functions/compose.ts";
import { followBuild } from "./follow.ts";

const usage = `npm run prebuild -- <image> ...

Has images built on a deployed registry, and waits until all of them are there:

  FIRN_PROJECT=my-project FIRN_BUCKET=my-bucket npm run prebuild -- shell/git python3:nixos-25.11

The settings are those of the functions. Ends with 1 if an image cannot be had; Ctrl-C ends the waiting, not the builds.`;

const lookUpMs = 120_000;

/** Answers whether every image is there. */
async function prebuildAll(images: readonly string[], signal: AbortSignal): Promise<boolean> {
  const settings = readSettings(functionsSettings, process.env);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  await using functions = compose(settings, createLog("text", "warning"), signal, undefined);
  const outcomes = await Promise.all(
    images.map(async (image) => {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(lookUpMs)]);
      const asked = await functions.prebuild(image, deadline);
      if (asked.state === "refused") {
        say(`${image}: refused: ${asked.message}`);
        return false;
      }
      const settled = await Promise.all(
        asked.builds.map(({ key }) => followBuild(functions.cache, key, say, signal)),
      );
      return settled.every(({ state }) => state === "ready");
    }),
  );
  return outcomes.every(Boolean);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" } },
  });
  if (values.help === true || positionals.length === 0) {
    process.stdout.write(`${usage}\n`);
    return values.help === true ? 0 : 2;
  }
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("not waited for any longer")));
  const all = await inTrace(newTrace, () => prebuildAll(positionals, interrupted.signal));
  return all ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
