import { parseArgs } from "node:util";
import { createLog } from "../../core/local/log.ts";
import { messageOf } from "../../core/log.ts";
import { readSettings } from "../../core/setting.ts";
import { functionsSettings } from "../../core/settings.ts";
import { compose } from "../../functions/compose.ts";
import { retainedText } from "../../functions/retention-text.ts";

const usage = `npm run retain:cloud -- [--dry-run]

Removes from a deployed registry what nobody pulled for FIRN_KEEP_DAYS, as its function \`retention\` does each day:

  FIRN_PROJECT=my-project FIRN_BUCKET=my-bucket npm run retain:cloud -- --dry-run

The settings are those of the functions. With --dry-run it says what would go, and why the rest stays.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const settings = readSettings(functionsSettings, process.env);
  const dry = values["dry-run"] === true;
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
  await using functions = compose(
    settings,
    createLog("text", "warning"),
    interrupted.signal,
    undefined,
  );
  const lines = retainedText(await functions.retain(dry, interrupted.signal), dry);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
