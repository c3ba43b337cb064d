import { expect } from "vitest";

/** The codes of the OCI distribution specification's table. */
const codes: ReadonlySet<string> = new Set([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "UNAUTHORIZED",
  "DENIED",
  "UNSUPPORTED",
  "TOOMANYREQUESTS",
]);

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The one error of an answer in the form of the specification; throws where it has another form, or an unlisted code. */
export function problemIn({
  status,
  text,
}: {
  readonly status: number;
  readonly text: string;
}): Problem {
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
  const [error, ...others] = errors;
  if (error === undefined || others.length > 0) throw new Error(`not one error: ${text}`);
  if (!codes.has(error.code)) throw new Error(`"${error.code}" is not a code: ${text}`);
  if (typeof error.message !== "string" || error.message === "") throw new Error(`mute: ${text}`);
  return { status, ...error };
}

/** What `problemIn` has to give. */
export function problem(status: number, code: string, message: RegExp = /./): Problem {
  return { status, code, message: expect.stringMatching(message) as string };
}
