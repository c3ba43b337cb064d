import { createServer } from "node:http";
import { once } from "node:events";
import { createLog } from "../core/local/log.ts";
import { messageOf } from "../core/log.ts";
import { readSettings } from "../core/setting.ts";
import { workerSettings, type WorkerSettings } from "../core/settings.ts";
import { compose } from "./compose.ts";

// Cloud Run kills ten seconds after SIGTERM.
const drainMs = 8000;

/** The worker as a program of its own: takes jobs, by pull or by push, until SIGTERM. */
async function main(): Promise<void> {
  const settings = settingsOrExit();
  const log = createLog(settings.log, settings.logLevel);
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      log("INFO", `stopping on ${name}: what is being built is given back`);
      stopping.abort(new Error("the worker is stopping"));
      setTimeout(() => process.exit(1), drainMs).unref();
    });
  }
  try {
    await using worker = await compose(settings, process.env, log, stopping.signal);
    if (settings.jobs === "pull") {
      log("INFO", "ready", { jobs: "pull" });
      await worker.pull();
    } else {
      const server = createServer(worker.push());
      server.listen(settings.port);
      await once(server, "listening");
      log("INFO", "ready", { jobs: "push", port: settings.port });
      if (!stopping.signal.aborted) await once(stopping.signal, "abort");
      const closed = once(server, "close");
      server.close();
      await closed;
    }
  } catch (error) {
    if (stopping.signal.aborted) return;
    log("ERROR", messageOf(error), { error });
    process.exitCode = 1;
  }
}

function settingsOrExit(): WorkerSettings {
  try {
    return readSettings(workerSettings, process.env);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main();
