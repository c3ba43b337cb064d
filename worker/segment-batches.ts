import { messageOf } from "../core/log.ts";
import type { SegmentCompressor } from "./compress.ts";
import { SegmentTrouble } from "./segment-trouble.ts";

/** Files that are compressed together, since starting a program stops everything else for a while. */
export interface SegmentBatches {
  /** Resolves when the file has been compressed; rejects with `SegmentTrouble`. The file is then of no use any more. */
  add(file: string, size: number, signal: AbortSignal): Promise<void>;
  /** Says that more files will come until it is disposed of: what is there waits for them to fill a batch. */
  expect(): Disposable;
  /** Resolves when there is room for more on the disk. */
  room(signal: AbortSignal): Promise<void>;
}

interface Waiting {
  readonly file: string;
  readonly size: number;
  readonly signal: AbortSignal;
  readonly done: PromiseWithResolvers<void>;
}

// The arguments of a program have a limit as well.
const mostFiles = 2000;
// Readers need not wait for each other's small files.
const leastBytes = 32 * 1024 * 1024;
const never = new AbortController().signal;

/** At most `slots` batches at once, and about as much waiting as is being compressed. */
export function createSegmentBatches(compressor: SegmentCompressor, slots: number): SegmentBatches {
  const { batchBytes } = compressor;
  const mostBytes = 2 * slots * Math.max(batchBytes, leastBytes);
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let pendingBytes = 0;
  let active = 0;
  let expected = 0;
  let roomier = Promise.withResolvers<void>();

  function start(): void {
    while (active < slots && waiting.length > 0 && isDue()) {
      let size = 0;
      let count = 0;
      while (count < waiting.length && count < mostFiles && (count === 0 || size < batchBytes)) {
        size += waiting[count]?.size ?? 0;
        count += 1;
      }
      const batch = waiting.slice(0, count);
      waiting = waiting.slice(count);
      waitingBytes -= size;
      active += 1;
      void compress(batch, size);
    }
  }

  function isDue(): boolean {
    return expected === 0 || waitingBytes >= batchBytes || waiting.length >= mostFiles;
  }

  async function compress(batch: readonly Waiting[], size: number): Promise<void> {
    // What nobody wants any more is left out, but what shares a call with others is seen through.
    for (const { signal, done } of batch) if (signal.aborted) done.reject(signal.reason);
    const wanted = batch.filter(({ signal }) => !signal.aborted);
    const [first, ...others] = wanted;
    try {
      if (first !== undefined) {
        const files = wanted.map(({ file }) => file);
        await compressor.compress(files, others.length === 0 ? first.signal : never);
      }
      for (const { done } of wanted) done.resolve();
    } catch (cause) {
      const trouble = new SegmentTrouble(messageOf(cause), { cause });
      for (const { done, signal } of wanted) done.reject(signal.aborted ? signal.reason : trouble);
    }
    active -= 1;
    pendingBytes -= size;
    roomier.resolve();
    roomier = Promise.withResolvers();
    start();
  }

  return {
    async add(file, size, signal) {
      const done = Promise.withResolvers<void>();
      waiting.push({ file, size, signal, done });
      waitingBytes += size;
      pendingBytes += size;
      start();
      await done.promise;
    },
    expect() {
      expected += 1;
      const ending = new DisposableStack();
      ending.defer(() => {
        expected -= 1;
        start();
      });
      return ending;
    },
    async room(signal) {
      for (;;) {
        signal.throwIfAborted();
        if (pendingBytes < mostBytes) return;
        await roomier.promise;
      }
    },
  };
}
