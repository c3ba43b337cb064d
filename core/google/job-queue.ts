import { setTimeout as sleep } from "node:timers/promises";
import type { Message, SubscriberOptions, Subscription } from "@google-cloud/pubsub";
import { decodeJob, encodeJob } from "../job-message.ts";
import { messageOf, type Log } from "../log.ts";
import { logEvent } from "../log-event.ts";
import type { Handled, Job, JobQueue } from "../ports.ts";
import { inTraceOf, traced } from "../trace.ts";
import { publish, publishDeadLetter, type PubsubConnection } from "./pubsub.ts";

export interface GoogleJobQueueOptions {
  readonly pubsub: PubsubConnection;
  readonly topic: string;
  /** Where jobs are taken from; without one this queue only publishes. */
  readonly subscription?: string;
  /** The topic for messages that are no jobs; without one they are only logged. */
  readonly deadLetters?: string;
  readonly log: Log;
  /** After this long a job whose worker died is somebody else's: 10 to 600 seconds. */
  readonly ackDeadlineSeconds?: number;
}

type Handle = (job: Job, attempt: number) => Promise<Handled>;

// Beyond the limit of a build: a handler that runs longer than this hangs, and somebody else may try.
const longestHandlerSeconds = 40 * 60;

/**
 * `JobQueue` over a topic and a pull subscription of Pub/Sub. When a job that is returned comes back is up to the
 * subscription's retry policy; each return counts towards its dead-letter policy, and without such a policy Pub/Sub
 * does not count attempts: all are the first. `consume` rejects when the subscription cannot be read, such as when it
 * does not exist; connections that break are made anew.
 */
export function createGoogleJobQueue(options: GoogleJobQueueOptions): JobQueue {
  const { pubsub, topic, subscription, log } = options;

  async function deliver(message: Message, handle: Handle, signal: AbortSignal): Promise<void> {
    const decoded = decodeJob(message.data);
    if (decoded.state === "unreadable") return await bury(message, decoded.reason);
    const { job } = decoded;
    const attempt = Math.max(message.deliveryAttempt, 1);
    const handled = await inTraceOf(job, () => handleSafely(job, attempt, handle));
    if (handled.outcome === "acknowledge") return message.ack();
    await pause(handled.afterMs, signal);
    message.nack();
  }

  async function handleSafely(job: Job, attempt: number, handle: Handle): Promise<Handled> {
    try {
      return await handle(job, attempt);
    } catch (error) {
      log("ERROR", `a job comes back: ${messageOf(error)}`, { job, error });
      return { outcome: "return", afterMs: 0 };
    }
  }

  async function bury(message: Message, reason: string): Promise<void> {
    const messageId = message.id;
    const said = `a message in ${subscription} is not a job: ${reason}`;
    logEvent(log, "ERROR", said, { event: "dead-letter", cause: "unreadable" }, { messageId });
    try {
      if (options.deadLetters !== undefined) {
        const letter = { data: message.data, reason, messageId };
        await publishDeadLetter(pubsub, options.deadLetters, letter);
      }
      message.ack();
    } catch (error) {
      // Nothing is lost: it comes again, and after some attempts the subscription's own policy moves it.
      log("ERROR", `could not set a message aside: ${messageOf(error)}`, { messageId, error });
      message.nack();
    }
  }

  return {
    publish: (job) => publish(pubsub, topic, encodeJob(traced(job))),
    async consume(slots, handle, signal) {
      if (subscription === undefined) throw new Error(`the queue of ${topic} only publishes`);
      const { Duration } = await import("./pubsub-library.ts");
      const seconds = (count: number) => Duration.from({ seconds: count });
      const client = await pubsub.open();
      if (signal.aborted) return;
      const source = client.subscription(subscription, {
        ...flow(slots),
        minAckDeadline: seconds(options.ackDeadlineSeconds ?? 60),
        maxAckDeadline: seconds(options.ackDeadlineSeconds ?? 60),
        maxExtensionTime: seconds(longestHandlerSeconds),
        closeOptions: { behavior: "NACK", timeout: seconds(5) },
      });
      const running = new Set<Promise<void>>();
      source.on("message", (message: Message) => {
        // It stays where it is and goes back when the subscription is closed: returned at once it would come again,
        // and again, while the last handlers end.
        if (signal.aborted) return;
        const delivery = deliver(message, handle, signal).finally(() => running.delete(delivery));
        running.add(delivery);
      });
      try {
        await untilAborted(source, signal);
      } finally {
        // Closing returns all that is here, also what is being worked on.
        await Promise.all(running);
        await source.close();
      }
    },
  };
}

// Pub/Sub sends no more than there are slots. Its emulator does, and what is too much waits here, kept from others.
function flow(slots: number): SubscriberOptions {
  return {
    flowControl: { maxMessages: slots, allowExcessMessages: false },
    streamingOptions: { maxStreams: 1 },
    // The next message comes when the acknowledgement of the last is out, which is otherwise a tenth of a second later.
    batching: { maxMilliseconds: 10 },
  };
}

/** Resolves when the signal aborts; rejects with the first error that the library does not get over by itself. */
async function untilAborted(source: Subscription, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  // These listeners stay: an error that nobody listens for would end the process while its handlers end.
  source.on("error", over.reject);
  source.on("close", () => over.reject(new Error(`the stream of ${source.name} ended`)));
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  await over.promise;
}

/**
 * Pub/Sub has no returning for later. Until then the job keeps its slot: a message that is neither acknowledged nor
 * returned counts against the stream's limit in any case.
 */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Rejects when it is cut short, and then the job goes back at once.
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
