import { createLog } from "../../core/local/log.ts";
import { readSettings } from "../../core/setting.ts";
import { functionsSettings } from "../../core/settings.ts";
import { compose } from "../../functions/compose.ts";
import { runRetain } from "../retain-command.ts";

const usage = `npm run retain:cloud -- [--dry-run]

Removes from a deployed registry what nobody pulled for FIRN_KEEP_DAYS, as its function \`retention\` does each day:

  FIRN_PROJECT=my-project FIRN_BUCKET=my-bucket npm run retain:cloud -- --dry-run

The settings are those of the functions. With --dry-run it says what would go, and why the rest stays.`;

await runRetain(usage, async (dry, signal) => {
  const settings = readSettings(functionsSettings, process.env);
  await using functions = compose(settings, createLog("text", "warning"), signal, undefined);
  return await functions.retain(dry, signal);
});
