import * as framework from "@google-cloud/functions-framework";
import { createLog } from "../core/local/log.ts";
import { decodeJob } from "../core/job-message.ts";
import { messageOf } from "../core/log.ts";
import { logEvent } from "../core/log-event.ts";
import { readSettings } from "../core/setting.ts";
import { functionsSettings } from "../core/settings.ts";
import { inTrace, inTraceOf, newTrace } from "../core/trace.ts";
import { accessWhereNeeded } from "./access-where-needed.ts";
import { answerBeforeFramework } from "./before-framework.ts";
import { compose } from "./compose.ts";
import { messageOfEvent, type MessageEvent } from "./event.ts";
import { createListener } from "./http.ts";
import { parsePrebuilds } from "./prebuild.ts";

// What Google Cloud loads for each of the functions: FUNCTION_TARGET says which of them this process is.
const settings = readSettings(functionsSettings, process.env);
const target = process.env["FUNCTION_TARGET"] ?? "registry";
const log = createLog(settings.log, settings.logLevel, {
  project: settings.project,
  labels: { deployment: settings.topics, program: target },
});
const draining = new AbortController();
const isRegistry = target === "registry";
// The others are called by messages, and have no keys.
const access = isRegistry
  ? await accessWhereNeeded(settings, {
      packageSet: settings.packageSet,
      makeKeys: undefined,
      now: Date.now,
      log,
    })
  : undefined;
const functions = compose(settings, log, draining.signal, access);
const lookUpMs = 120_000;
// A function that is called by a message is given nine minutes at the most; what is left then is for the next day.
const retentionMs = 8 * 60_000;

const listener = createListener(functions.registry, log);
if (isRegistry) {
  answerBeforeFramework(listener, () => draining.abort(new Error("the function is stopping")));
}
framework.http("registry", listener);

/** A message nobody can make sense of comes no more often than once: it is logged and set aside. */
async function setAside({ id, data }: MessageEvent, reason: string): Promise<void> {
  const event = { event: "dead-letter", cause: "unreadable" } as const;
  logEvent(log, "ERROR", `a message was set aside: ${reason}`, event, { messageId: id });
  await functions.discard({ data, reason, messageId: id });
}

/** Asks for the builds of a message, all of them in one trace. */
async function prebuild(message: MessageEvent): Promise<void> {
  let images: readonly string[];
  try {
    images = parsePrebuilds(JSON.parse(message.data.toString("utf8")));
  } catch (error) {
    return await setAside(message, `it is no prebuild: ${messageOf(error)}`);
  }
  const signal = AbortSignal.timeout(lookUpMs);
  const asked = await Promise.allSettled(images.map((image) => functions.prebuild(image, signal)));
  // It comes again for the rest, and what was asked for by then is not asked for twice.
  const failed = asked.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const refused = asked.flatMap((each) =>
    each.status === "fulfilled" && each.value.state === "refused" ? [each.value.message] : [],
  );
  if (refused.length > 0) await setAside(message, refused.join("; "));
}

framework.cloudEvent("prebuild", async (event: framework.CloudEvent<unknown>) => {
  await inTrace(newTrace, () => prebuild(messageOfEvent(event)));
});

framework.cloudEvent("maintenance", async () => {
  await inTrace(newTrace, () => functions.maintain());
});

framework.cloudEvent("retention", async () => {
  const until = AbortSignal.any([draining.signal, AbortSignal.timeout(retentionMs)]);
  await inTrace(newTrace, () => functions.retain(false, until));
});

framework.cloudEvent("burial", async (event: framework.CloudEvent<unknown>) => {
  const decoded = decodeJob(messageOfEvent(event).data);
  // What is not a job was logged when it was set aside; the topic keeps it.
  if (decoded.state !== "job") return;
  const { job } = decoded;
  await inTraceOf(job, () => functions.bury(job));
});
