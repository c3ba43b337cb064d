import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { encodeJob, type DeadLetter } from "../../core/job-message.ts";
import type { Handled, Job } from "../../core/ports.ts";
import { createPush, type PushOptions } from "../../worker/push.ts";
import { buildOf } from "./builds.ts";
import { recordingLog } from "./recording-log.ts";

/** The job of `wanted`. */
export const job: Job = { kind: "build", key: buildOf("git").key };
export const acknowledge: Handled = { outcome: "acknowledge" };

/** What Pub/Sub pushes for a message of these bytes. */
export function pushOf(data: Uint8Array, more: Readonly<Record<string, unknown>> = {}): string {
  const message = { data: Buffer.from(data).toString("base64"), messageId: "7" };
  return JSON.stringify({ message, subscription: "projects/p/subscriptions/s", ...more });
}

export const wanted = pushOf(encodeJob(job).data);

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A worker that listens for pushes, and what became of them. */
export async function servePush(options: Partial<PushOptions> = {}) {
  const { log, events } = recordingLog();
  const letters: DeadLetter[] = [];
  const jobs: { job: Job; attempt: number }[] = [];
  const stopping = new AbortController();
  const listener = createPush(
    {
      slots: 2,
      check: "anybody",
      bury: async (letter) => void letters.push(letter),
      log,
      ...options,
      handlerFor: (signal) => async (each, attempt) => {
        jobs.push({ job: each, attempt });
        return (await options.handlerFor?.(signal)(each, attempt)) ?? acknowledge;
      },
    },
    stopping.signal,
  );
  const server = await serve(listener);
  const post = (body: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(server.url, { method: "POST", body, headers });
  return { ...server, post, events, letters, jobs, stopping };
}
