/** A message of Pub/Sub as the functions framework hands it over. */
export interface MessageEvent {
  readonly id: string;
  readonly data: Buffer;
}

/** Reads the message out of a CloudEvent of type `google.cloud.pubsub.topic.v1.messagePublished`. */
export function messageOfEvent(event: {
  readonly id?: string;
  readonly data?: unknown;
}): MessageEvent {
  const message = fieldsOf(fieldsOf(event.data)["message"]);
  const { data, messageId } = message;
  return {
    id: typeof messageId === "string" ? messageId : (event.id ?? ""),
    data: Buffer.from(typeof data === "string" ? data : "", "base64"),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
