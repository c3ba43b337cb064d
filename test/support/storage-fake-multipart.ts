import { Refusal } from "./storage-fake-exchange.ts";
import type { Given } from "./storage-fake-resource.ts";

/** The two parts of an upload in one request: what is said of the object, in JSON, and its bytes. */
export function parseMultipart(
  contentType: string,
  body: Buffer,
): {
  readonly given: Given & { readonly name?: string };
  readonly type: string;
  readonly bytes: Buffer;
} {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  const delimiter = `--${boundary}`;
  const second = body.indexOf(`\r\n${delimiter}`, delimiter.length);
  const end = body.lastIndexOf(`\r\n${delimiter}--`);
  if (boundary === undefined || second === -1 || end <= second) {
    throw new Refusal(400, "badContent", "Malformed multipart body.");
  }
  const description = contentOf(body.subarray(delimiter.length, second));
  const media = contentOf(body.subarray(second + 2 + delimiter.length, end));
  return {
    given: JSON.parse(description.bytes.toString()) as Given & { readonly name?: string },
    type: media.type,
    bytes: media.bytes,
  };
}

function contentOf(part: Buffer): { readonly type: string; readonly bytes: Buffer } {
  const gap = part.indexOf("\r\n\r\n");
  const head = part.subarray(0, gap).toString();
  const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? "application/octet-stream";
  return { type, bytes: part.subarray(gap + 4) };
}
