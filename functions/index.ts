import * as framework from "@google-cloud/functions-framework";
import { createLog } from "../core/local/log.ts";
import { decodeJob } from "../core/job-message.ts";
import { messageOf } from "../core/log.ts";
import { readSettings } from "../core/setting.ts";
import { functionsSettings } from "../core/settings.ts";
import { accessWhereNeeded } from "./access-where-needed.ts";
import { answerBeforeFramework } from "./before-framework.ts";
import { compose } from "./compose.ts";
import { messageOfEvent, type MessageEvent } from "./event.ts";
import { createListener } from "./http.ts";
import { parsePrebuilds } from "./prebuild.ts";

// What Google Cloud loads for each of the functions: FUNCTION_TARGET says which of them this process is.
const settings = readSettings(functionsSettings, process.env);
const log = createLog(settings.log, settings.logLevel);
const draining = new AbortController();
const isRegistry = process.env["FUNCTION_TARGET"] === "registry";
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

const listener = createListener(functions.registry, log);
if (isRegistry) {
  answerBeforeFramework(listener, () => draining.abort(new Error("the function is stopping")));
}
framework.http("registry", listener);

/** A message nobody can make sense of comes no more often than once: it is logged and set aside. */
async function setAside({ id, data }: MessageEvent, reason: string): Promise<void> {
  log("ERROR", `a message was set aside: ${reason}`, { messageId: id });
  await functions.discard({ data, reason, messageId: id });
}

framework.cloudEvent("prebuild", async (event: framework.CloudEvent<unknown>) => {
  const message = messageOfEvent(event);
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
});

framework.cloudEvent("maintenance", async () => await functions.maintain());

framework.cloudEvent("burial", async (event: framework.CloudEvent<unknown>) => {
  const decoded = decodeJob(messageOfEvent(event).data);
  // What is not a job was logged when it was set aside; the topic keeps it.
  if (decoded.state === "job") await functions.bury(decoded.job);
});
