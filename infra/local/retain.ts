import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase, openDatabaseToRead } from "../../core/local/database.ts";
import { createLog } from "../../core/local/log.ts";
import { messageOf } from "../../core/log.ts";
import { readSettings } from "../../core/setting.ts";
import { localSettings } from "../../core/settings.ts";
import { retainedText } from "../../functions/retention-text.ts";
import { createLocalRetention } from "./retention.ts";

const usage = `npm run retain -- [--dry-run]

Removes from the data folder what nobody pulled for FIRN_KEEP_DAYS, as a registry that runs does by itself. With
--dry-run it says what would go and why the rest stays, and may be used beside a registry that runs.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const settings = readSettings(localSettings, process.env);
  const data = resolve(settings.data);
  const dry = values["dry-run"] === true;
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
  using database = dry ? openDatabaseToRead(data) : openDatabase(data);
  const log = createLog("text", "warning");
  const retain = createLocalRetention(database, data, settings, Date.now, log);
  const lines = retainedText(await retain(dry, interrupted.signal), dry);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
