import { messageOf } from "../../core/log.ts";
import { readSettings } from "../../core/setting.ts";
import { localSettings, type LocalSettings } from "../../core/settings.ts";
import { banner } from "./banner.ts";
import { startEmbedded } from "./embedded.ts";
import { createLog } from "../../core/local/log.ts";

/** `npm start`: the registry and the worker in one process, until Ctrl-C. */
async function main(): Promise<void> {
  const settings = settingsOrExit();
  const log = createLog(settings.log, settings.logLevel);
  const starting = new AbortController();
  const stop = Promise.withResolvers<void>();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      starting.abort(new Error("stopped before it was up"));
      stop.resolve();
      // Whoever asks twice does not want to wait.
      process.once(name, () => process.exit(1));
    });
  }
  try {
    const firn = await startEmbedded(settings, process.env, log, starting.signal);
    const { host } = settings;
    if (settings.log === "text") process.stdout.write(`${banner({ ...firn, host })}\n`);
    log("INFO", "ready", { host, port: firn.port, revision: firn.revision });
    await stop.promise;
    log("INFO", "stopping; what was being built goes on at the next start");
    await firn.close();
  } catch (error) {
    if (starting.signal.aborted) return;
    log("ERROR", messageOf(error), { error });
    process.exitCode = 1;
  }
}

function settingsOrExit(): LocalSettings {
  try {
    return readSettings(localSettings, process.env);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main();
