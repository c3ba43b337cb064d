import { digestOf, type Digest } from "../../core/digest.ts";
import type { BlobStore, Clock, StoredBlobs } from "../../core/ports.ts";
import { holdMs } from "../../core/retention.ts";

interface Held {
  readonly bytes: Uint8Array;
  usedAt: number;
  version: number;
}

/** `BlobStore` and `StoredBlobs` in memory, under a clock; it passes their contracts. */
export function createMemoryBlobs(now: Clock) {
  const blobs = new Map<Digest, Held>();
  let versions = 0;
  let staged = 0;

  function soundAt(digest: Digest): Held | undefined {
    const held = blobs.get(digest);
    return held !== undefined && digestOf(held.bytes) === digest ? held : undefined;
  }

  function touch(held: Held): void {
    if (now() - held.usedAt < holdMs) return;
    held.usedAt = now();
    held.version = ++versions;
  }

  const store: BlobStore = {
    async stat(digest) {
      const found = soundAt(digest);
      return found && { size: found.bytes.length };
    },
    async locate(digest) {
      const found = soundAt(digest);
      if (found === undefined) return undefined;
      const { bytes } = found;
      return {
        at: "here",
        size: bytes.length,
        async *open({ first, last }) {
          yield bytes.subarray(first, last + 1);
        },
      };
    },
    async read(digest, limitBytes) {
      const found = soundAt(digest);
      if (found !== undefined && found.bytes.length > limitBytes) {
        throw new Error(
          `${digest} has ${found.bytes.length} bytes, and ${limitBytes} are the limit`,
        );
      }
      return found?.bytes;
    },
    async write(chunks, signal) {
      staged += 1;
      try {
        const parts: Uint8Array[] = [];
        for await (const chunk of chunks) {
          signal.throwIfAborted();
          parts.push(chunk);
        }
        signal.throwIfAborted();
        const bytes = Buffer.concat(parts);
        const digest = digestOf(bytes);
        blobs.set(digest, { bytes, usedAt: now(), version: ++versions });
        return { digest, size: bytes.length };
      } finally {
        staged -= 1;
      }
    },
    isSound: async (digest, size) => soundAt(digest)?.bytes.length === size,
    async hold(digest, size) {
      const found = soundAt(digest);
      if (found?.bytes.length !== size) return false;
      touch(found);
      return true;
    },
  };

  const stored: StoredBlobs = {
    async list(after, limit) {
      const digests = [...blobs.keys()].sort().filter((each) => each > (after ?? ""));
      return digests.slice(0, limit).flatMap((digest) => {
        const held = blobs.get(digest);
        if (held === undefined) return [];
        const { bytes, usedAt, version } = held;
        return [{ digest, size: bytes.length, usedAt, version: String(version) }];
      });
    },
    async hold(digest) {
      const held = blobs.get(digest);
      if (held !== undefined) touch(held);
    },
    async remove({ digest, version }) {
      return blobs.get(digest)?.version === Number(version) && blobs.delete(digest);
    },
  };

  return {
    store,
    stored,
    has: (digest: Digest) => blobs.has(digest),
    count: () => blobs.size,
    clear: () => blobs.clear(),
    corrupt: async (digest: Digest, bytes: Uint8Array) => {
      const held = blobs.get(digest);
      if (held !== undefined) blobs.set(digest, { ...held, bytes, version: ++versions });
    },
    staged: async () => Array.from({ length: staged }, (_, i) => String(i)),
  };
}
