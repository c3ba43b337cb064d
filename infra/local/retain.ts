import { resolve } from "node:path";
import { openDatabase, openDatabaseToRead } from "../../core/local/database.ts";
import { createLog } from "../../core/local/log.ts";
import { readSettings } from "../../core/setting.ts";
import { localSettings } from "../../core/settings.ts";
import { runRetain } from "../retain-command.ts";
import { createLocalRetention } from "./retention.ts";

const usage = `npm run retain -- [--dry-run]

Removes from the data folder what nobody pulled for FIRN_KEEP_DAYS, as a registry that runs does by itself. With
--dry-run it says what would go and why the rest stays, and may be used beside a registry that runs.`;

await runRetain(usage, async (dry, signal) => {
  const settings = readSettings(localSettings, process.env);
  const data = resolve(settings.data);
  using database = dry ? openDatabaseToRead(data) : openDatabase(data);
  const log = createLog("text", "warning");
  return await createLocalRetention(database, data, settings, Date.now, log)(dry, signal);
});
