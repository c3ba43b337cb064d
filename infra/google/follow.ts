import { imageName } from "../../core/image.ts";
import type { BuildCache } from "../../core/ports.ts";
import { isSettled, type BuildRecord, type SettledRecord } from "../../core/record.ts";
import type { BuildKey } from "../../core/build-key.ts";

/**
 * Waits until a build is settled and says each step of it on the way. Rejects with the signal's reason when that comes
 * first: the build itself goes on.
 */
export async function followBuild(
  cache: BuildCache,
  key: BuildKey,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<SettledRecord> {
  let last: string | undefined;
  for await (const record of cache.watch(key, signal)) {
    if (record === undefined) continue;
    const line = describeStep(record);
    if (line !== last) say(line);
    last = line;
    if (isSettled(record)) return record;
  }
  signal.throwIfAborted();
  throw new Error(`nobody knows any more of the build ${key}`);
}

function describeStep(record: BuildRecord): string {
  const name = imageName(record.image);
  switch (record.state) {
    case "queued":
      return `${name}: waits for a worker`;
    case "building": {
      const { phase, done, total, message } = record.progress;
      return `${name}: ${phase}${total > 1 ? `, ${done} of ${total}` : ""}: ${message}`;
    }
    case "ready":
      return `${name}: ready, ${record.manifest.digest}`;
    case "failed": {
      const { message, log } = record.failure;
      return [`${name}: failed: ${message}`, ...log.map((line) => `  ${line}`)].join("\n");
    }
  }
}
