import type { IncomingHttpHeaders } from "node:http";

/** What a request asks for, as it is counted and as faults name it. */
export type Operation =
  | "bucket.create"
  | "bucket.get"
  | "object.list"
  | "object.get"
  | "object.download"
  | "object.patch"
  | "object.delete"
  | "object.move"
  | "object.rewrite"
  | "object.copy"
  | "upload.media"
  | "upload.multipart"
  | "upload.start"
  | "upload.chunk"
  | "upload.status"
  | "upload.cancel"
  | "url.get"
  | "url.head"
  | "unknown";

export interface FakeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** How many of the last bytes of an upload are to be lost on their way to the disk. */
  readonly loseBytes: number;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: object | string | AsyncIterable<Uint8Array>;
}

export interface Handler {
  readonly operation: Operation;
  readonly handle: () => Promise<FakeAnswer>;
}

/** An answer of Cloud Storage that is not a success. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** A refusal as the JSON interface puts it. */
export function inJson({ status, reason, message }: Refusal): FakeAnswer {
  if (status === 304) return { status };
  const errors = [{ message, domain: "global", reason }];
  return { status, body: { error: { code: status, message, errors } } };
}

/** A refusal as the XML interface puts it; the reason is then in capitals, `ExpiredToken`. */
export function inXml({ status, reason, message }: Refusal): FakeAnswer {
  const text = `<Error><Code>${reason}</Code><Message>${message}</Message></Error>`;
  return {
    status,
    headers: { "content-type": "application/xml; charset=UTF-8" },
    body: `<?xml version='1.0' encoding='UTF-8'?>${text}`,
  };
}

/** The whole of a small body. */
export async function readJson<T>(body: AsyncIterable<Uint8Array>): Promise<Partial<T>> {
  const text = Buffer.concat(await Array.fromAsync(body)).toString();
  return text === "" ? {} : (JSON.parse(text) as Partial<T>);
}
