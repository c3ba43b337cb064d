import type { IncomingMessage } from "node:http";

/** What Pub/Sub pushed: a message, or something else with what is wrong about it. */
export type Delivery = {
  readonly data: Uint8Array;
  readonly messageId: string;
  readonly attempt: number;
} & ({ readonly state: "message" } | { readonly state: "unreadable"; readonly reason: string });

const limitBytes = 1024 * 1024;

/**
 * Reads the body of a push in its wrapped form, which is JSON with the message's data in base64
 * (cloud.google.com/pubsub/docs/push#receive_push). Of more than a megabyte only that much is kept, and the rest read:
 * who is hung up on sends it again. Rejects when the connection breaks.
 */
export async function readDelivery(incoming: IncomingMessage): Promise<Delivery> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Uint8Array>) {
    if (size < limitBytes) kept.push(part.subarray(0, limitBytes - size));
    size += part.length;
  }
  const body = Buffer.concat(kept);
  const unreadable = (reason: string, messageId = "") =>
    ({ state: "unreadable", data: body, messageId, attempt: 1, reason }) as const;
  if (size > limitBytes) {
    return unreadable(`it came in ${size} bytes, and ${limitBytes} are the limit`);
  }
  const push = parseJson(body.toString());
  if (!isObject(push) || !isObject(push["message"])) {
    return unreadable("it is not what Pub/Sub pushes");
  }
  const { data, messageId } = push["message"];
  const id = typeof messageId === "string" ? messageId : "";
  if (typeof data !== "string") return unreadable("it has no data", id);
  const attempt = Number(push["deliveryAttempt"]);
  return {
    state: "message",
    data: Buffer.from(data, "base64"),
    messageId: id,
    // There without a dead-letter policy it is not, and then Pub/Sub does not count.
    attempt: Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 1,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no object either, and the caller says so
  }
}
