import type { ClientConfig, PubSub } from "@google-cloud/pubsub";
import type { DeadLetter } from "../job-message.ts";

/** A connection to Pub/Sub that is made when it is first needed; disposing of it closes what was opened. */
export interface PubsubConnection extends AsyncDisposable {
  open(): Promise<PubSub>;
}

/**
 * The library takes a quarter of a second to load, which a function that only answers from its cache never pays.
 * With `apiEndpoint`, or PUBSUB_EMULATOR_HOST, it is the emulator that is spoken to.
 */
export function connectPubsub(config: ClientConfig): PubsubConnection {
  let opened: Promise<PubSub> | undefined;
  const open = async () => {
    const { PubSub } = await import("./pubsub-library.ts");
    return new PubSub(config);
  };
  return {
    open: () => (opened ??= open()),
    async [Symbol.asyncDispose]() {
      await (await opened)?.close();
    },
  };
}

// Whoever publishes has somebody waiting, or is kept awake for it: what the library retries by itself ends here.
const publishMs = 10_000;

/** Publishes at once, without waiting for more to send along; resolves when Pub/Sub has the message. */
export async function publish(
  connection: PubsubConnection,
  topic: string,
  message: { readonly data: Uint8Array; readonly attributes: Readonly<Record<string, string>> },
): Promise<void> {
  const pubsub = await connection.open();
  const publisher = pubsub.topic(topic, {
    batching: { maxMessages: 1, maxMilliseconds: 0 },
    gaxOpts: { timeout: publishMs },
  });
  await publisher.publishMessage({
    data: Buffer.from(message.data),
    attributes: { ...message.attributes },
  });
}

// The limit for an attribute is 1024 bytes, and a character has up to four.
const reasonCharacters = 256;

/** Publishes a message nobody could read to a topic where it is kept, with attributes that say why it is there. */
export async function publishDeadLetter(
  connection: PubsubConnection,
  topic: string,
  { data, reason, messageId }: DeadLetter,
): Promise<void> {
  const attributes = { reason: reason.slice(0, reasonCharacters), messageId };
  await publish(connection, topic, { data, attributes });
}
