import type { RegistryRequest, RegistryResponse } from "../../functions/exchange.ts";

/** A request that may bring bytes; `headers` has all that came. */
export interface PushRequest extends RegistryRequest {
  readonly body: AsyncIterable<Uint8Array>;
}

/** Codes of the specification that a registry for pulling has no use for. */
export type PushCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNSUPPORTED";

/** What somebody who pushes is told. */
export class PushError extends Error {
  override readonly name = "PushError";
  readonly status: number;
  readonly code: PushCode;
  readonly headers: RegistryResponse["headers"];

  constructor(
    status: number,
    code: PushCode,
    message: string,
    headers: RegistryResponse["headers"] = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** An answer that says all it has to say in its headers. */
export function done(status: number, headers: RegistryResponse["headers"] = {}): RegistryResponse {
  return { status, headers: { "content-length": 0, ...headers } };
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: RegistryResponse["headers"] = {},
): RegistryResponse {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const always = { "content-type": "application/json", "content-length": body.byteLength };
  return { status, headers: { ...always, ...headers }, body };
}
