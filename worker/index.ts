import { createServer } from "node:http";
import { once } from "node:events";
import { createLog } from "../core/local/log.ts";
import { messageOf, type LogFields } from "../core/log.ts";
import { logEvent } from "../core/log-event.ts";
import { readSettings } from "../core/setting.ts";
import { workerSettings, type WorkerSettings } from "../core/settings.ts";
import { compose } from "./compose.ts";

// Cloud Run kills ten seconds after SIGTERM.
const drainMs = 8000;

/** The worker as a program of its own: takes jobs, by pull or by push, until SIGTERM. */
async function main(): Promise<void> {
  const settings = settingsOrExit();
  const log = createLog(settings.log, settings.logLevel, {
    project: settings.project,
    labels: { deployment: settings.topics, program: "worker" },
  });
  const started = (fields: LogFields) =>
    logEvent(log, "INFO", "ready", { event: "worker-started" }, fields);
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      const message = `stopping on ${name}: what is being built is given back`;
      logEvent(log, "INFO", message, { event: "worker-stopped" });
      stopping.abort(new Error("the worker is stopping"));
      setTimeout(() => process.exit(1), drainMs).unref();
    });
  }
  try {
    await using worker = await compose(settings, process.env, log, stopping.signal);
    if (settings.jobs === "pull") {
      started({ jobs: "pull" });
      await worker.pull();
    } else {
      const server = createServer(worker.push());
      server.listen(settings.port);
      await once(server, "listening");
      started({ jobs: "push", port: settings.port });
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
