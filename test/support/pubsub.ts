import { connectPubsub } from "../../core/google/pubsub.ts";
import { createGoogleJobQueue, type GoogleJobQueueOptions } from "../../core/google/job-queue.ts";
import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";
import { deadLetterSubscription, provision } from "../../infra/local/provision.ts";
import { emulatorHosts, freshProject } from "./emulators.ts";
import { recordingLog } from "./recording-log.ts";

export interface Letter {
  readonly text: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const topics = topicNames("firn");

/** Other than the defaults; undefined is to have none. */
export type QueueOptions = {
  readonly [K in "topic" | "subscription" | "deadLetters" | "ackDeadlineSeconds"]?:
    | GoogleJobQueueOptions[K]
    | undefined;
};

/** A job queue in a project of its own in the emulator, and what a test needs to look behind it. */
export async function openQueue(options: QueueOptions = {}) {
  const { pubsub: host } = emulatorHosts();
  const projectId = freshProject();
  await provision({ pubsub: host, projectId, retry: { least: 0, most: 1 } });
  const pubsub = connectPubsub({ projectId, apiEndpoint: host });
  const log = recordingLog();
  const queue = createGoogleJobQueue({
    pubsub,
    topic: topics.jobs,
    subscription: pullSubscriptionNames("firn").jobs,
    deadLetters: topics.dead,
    log: log.log,
    ...options,
  } as GoogleJobQueueOptions); // undefined and left out are the same to it

  async function call(path: string, body: object): Promise<unknown> {
    const url = `http://${host}/v1/projects/${projectId}/${path}`;
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  return {
    queue,
    projectId,
    host,
    events: log.events,
    /** Publishes these bytes as a job's message. */
    async publishRaw(data: Uint8Array): Promise<void> {
      const messages = [{ data: Buffer.from(data).toString("base64"), attributes: { kind: "?" } }];
      await call(`topics/${topics.jobs}:publish`, { messages });
    },
    /** Takes the dead letters that are there. */
    async deadLetters(): Promise<readonly Letter[]> {
      const path = `subscriptions/${deadLetterSubscription()}`;
      const pulled = (await call(`${path}:pull`, {
        maxMessages: 100,
        returnImmediately: true,
      })) as {
        receivedMessages?: {
          ackId: string;
          message: { data: string; attributes?: Letter["attributes"] };
        }[];
      };
      const received = pulled.receivedMessages ?? [];
      if (received.length > 0) {
        await call(`${path}:acknowledge`, { ackIds: received.map(({ ackId }) => ackId) });
      }
      return received.map(({ message }) => ({
        text: Buffer.from(message.data, "base64").toString(),
        attributes: message.attributes ?? {},
      }));
    },
    [Symbol.asyncDispose]: () => pubsub[Symbol.asyncDispose](),
  };
}
