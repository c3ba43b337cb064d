import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { decodeJob, type DeadLetter } from "../core/job-message.ts";
import { messageOf, type Log } from "../core/log.ts";
import { logEvent } from "../core/log-event.ts";
import type { Handled, Job } from "../core/ports.ts";
import { inTraceOf } from "../core/trace.ts";
import { readDelivery, type Delivery } from "./delivery.ts";
import type { CheckToken } from "./token.ts";

export interface PushOptions {
  /** Jobs at once; more are told to come back. */
  readonly slots: number;
  /** Makes the handler of one job; the signal aborts when its time is over, or the worker stops. */
  handlerFor(signal: AbortSignal): (job: Job, attempt: number) => Promise<Handled>;
  /** "anybody" is for the emulator, which sends no token, and for nothing that others can reach. */
  readonly check: CheckToken | "anybody";
  /** Keeps what is no job. */
  bury(letter: DeadLetter): Promise<void>;
  readonly log: Log;
  readonly budgetMs?: number;
  readonly graceMs?: number;
}

interface Answer {
  readonly status: number;
  /** Why, for whoever reads the logs of the subscription. */
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
}

// Pub/Sub hangs up after ten minutes and delivers anew; until then the job has to be given back.
const usualBudgetMs = 540_000;
// A build that is given up has to end its processes and to give its lease back.
const usualGraceMs = 20_000;
const done: Answer = { status: 204 };

/**
 * The worker as a push endpoint of Pub/Sub: a POST is a job, and its response the acknowledgement. Whatever is not
 * 2xx comes again after the subscription's backoff and counts towards its dead letters. While `stopping` is aborted
 * nothing new is begun. GET / is for health checks.
 */
export function createPush(options: PushOptions, stopping: AbortSignal): RequestListener {
  const { log } = options;
  let running = 0;

  async function answerTo(incoming: IncomingMessage): Promise<Answer> {
    if (incoming.method === "GET" && incoming.url === "/") return { status: 200 };
    if (incoming.method !== "POST") return { status: 405, reason: "jobs are posted" };
    if (stopping.aborted) return again("this worker is stopping");
    const refused = await refusal(incoming);
    if (refused !== undefined) return refused;
    const delivery = await readDelivery(incoming);
    const decoded = delivery.state === "message" ? decodeJob(delivery.data) : delivery;
    if (decoded.state === "unreadable") return await bury(delivery, decoded.reason);
    if (running >= options.slots) return { status: 429, reason: "all slots are taken" };
    const { job } = decoded;
    return await inTraceOf(job, () => run(job, delivery.attempt));
  }

  async function refusal(incoming: IncomingMessage): Promise<Answer | undefined> {
    if (options.check === "anybody") return undefined;
    const checked = await options.check(incoming.headers.authorization);
    if (checked.state === "trusted") return undefined;
    log("WARNING", `refused a push: ${checked.reason}`, { from: incoming.socket.remoteAddress });
    return { status: checked.state === "invalid" ? 401 : 403, reason: checked.reason };
  }

  async function bury({ data, messageId }: Delivery, reason: string): Promise<Answer> {
    const said = `a message that was pushed is not a job: ${reason}`;
    logEvent(log, "ERROR", said, { event: "dead-letter", cause: "unreadable" }, { messageId });
    await options.bury({ data, reason, messageId });
    return done;
  }

  async function run(job: Job, attempt: number): Promise<Answer> {
    const budgetMs = options.budgetMs ?? usualBudgetMs;
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(new Error("the time for a push is over")), budgetMs);
    const tooLong = Promise.withResolvers<Answer>();
    const lastTimer = setTimeout(
      () => {
        log("ERROR", "a job does not end although it was told to", { job });
        tooLong.resolve(again("the job takes too long for a push"));
      },
      budgetMs + (options.graceMs ?? usualGraceMs),
    );
    running += 1;
    const handled = handle(job, attempt, AbortSignal.any([stopping, over.signal])).finally(() => {
      running -= 1;
      clearTimeout(timer);
      clearTimeout(lastTimer);
    });
    return await Promise.race([handled, tooLong.promise]);
  }

  async function handle(job: Job, attempt: number, signal: AbortSignal): Promise<Answer> {
    try {
      const handled = await options.handlerFor(signal)(job, attempt);
      if (handled.outcome === "acknowledge") return done;
      return again("the job was not done", Math.ceil(handled.afterMs / 1000));
    } catch (error) {
      log("ERROR", `a job comes back: ${messageOf(error)}`, { job, error });
      return again("the job failed");
    }
  }

  return (incoming, outgoing) => {
    answerTo(incoming)
      .catch((error: unknown) => {
        // No certificates, nowhere to keep dead letters, or the sender is gone: it comes again.
        log("ERROR", `a push comes back: ${messageOf(error)}`, { error });
        return again("this worker cannot take jobs");
      })
      .then((answer) => send(answer, outgoing))
      .catch((error: unknown) => log("ERROR", `a push broke off: ${messageOf(error)}`, { error }));
  };
}

function again(reason: string, retryAfterSeconds = 10): Answer {
  return { status: 503, reason, retryAfterSeconds };
}

function send({ status, reason, retryAfterSeconds }: Answer, outgoing: ServerResponse): void {
  if (retryAfterSeconds !== undefined) outgoing.setHeader("retry-after", retryAfterSeconds);
  if (reason !== undefined) outgoing.setHeader("content-type", "application/json");
  outgoing.writeHead(status);
  outgoing.end(reason === undefined ? undefined : JSON.stringify({ error: reason }));
}
