import { createHash } from "node:crypto";

/** `sha256:` and 64 lower-case hexadecimal digits: it has been checked, or it would be a string. */
export type Digest = `sha256:${string}` & { readonly __digest: never };

const sha256Pattern = /^sha256:[0-9a-f]{64}$/;
const sha512Pattern = /^sha512:[0-9a-f]{128}$/;

/** A digest firn could hold, or undefined for anything else. */
export function parseDigest(text: string): Digest | undefined {
  return isDigest(text) ? text : undefined;
}

/** Whether a text has the form of a digest that the specification registers; firn itself writes SHA-256 only. */
export function isDigestSyntax(text: string): boolean {
  return sha256Pattern.test(text) || sha512Pattern.test(text);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return digestFromHex(createHash("sha256").update(bytes).digest("hex"));
}

/** The 64 hexadecimal digits of a digest: its name in a blob store. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

export function digestFromHex(hex: string): Digest {
  const text = `sha256:${hex}`;
  if (!isDigest(text)) throw new Error(`"${hex}" is not the hexadecimal form of a SHA-256 digest`);
  return text;
}

function isDigest(text: string): text is Digest {
  return sha256Pattern.test(text);
}

/** Digest and size in bytes of a stream, complete once the stream has ended. */
export interface Measure {
  readonly digest: Digest;
  readonly size: number;
}

/** Passes bytes on unchanged and calls `done` with their digest and count after the last of them. */
export async function* measured(
  bytes: AsyncIterable<Uint8Array>,
  done: (measure: Measure) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    size += chunk.byteLength;
    yield chunk;
  }
  done({ digest: digestFromHex(hash.digest("hex")), size });
}
