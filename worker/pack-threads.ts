import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { PackageFault } from "./package-fault.ts";
import type { Answer, ThreadWork } from "./pack-thread.ts";
import { SegmentTrouble } from "./segment-trouble.ts";

/** A thread that reads, hashes and measures for this one; asked one thing after the other. */
export interface PackThread {
  ask<K extends keyof ThreadWork>(
    kind: K,
    ask: ThreadWork[K]["ask"],
    signal: AbortSignal,
  ): Promise<ThreadWork[K]["answer"]>;
}

/** Lends out threads. */
export interface PackThreads {
  /** Has a thread while `use` lasts, as soon as there is one. */
  use<T>(use: (thread: PackThread) => Promise<T>): Promise<T>;
}

// Long enough for the next image, short enough for memory that nobody needs.
const idleMs = 60_000;

// Nothing that a thread makes lives long.
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

/** Starts threads when they are needed, at most so many; those that idle end, and none keeps the process up. */
export function createPackThreads(most: number): PackThreads {
  const idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout }[] = [];
  const waiting: (() => void)[] = [];
  let free = most;

  async function take(): Promise<Worker> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    const kept = idle.pop();
    if (kept === undefined) {
      return new Worker(new URL("pack-thread.ts", import.meta.url), { resourceLimits });
    }
    clearTimeout(kept.timer);
    kept.worker.ref();
    return kept.worker;
  }

  function giveBack(worker: Worker | undefined): void {
    if (worker !== undefined) {
      worker.unref();
      const entry = {
        worker,
        timer: setTimeout(() => {
          idle.splice(idle.indexOf(entry), 1);
          void worker.terminate();
        }, idleMs).unref(),
      };
      idle.push(entry);
    }
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  return {
    async use(use) {
      const worker = await take();
      // One that was left in the middle of something is of no use to the next.
      let isSound = true;
      const thread: PackThread = {
        async ask(kind, ask, signal) {
          signal.throwIfAborted();
          isSound = false;
          // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
          worker.postMessage({ kind, ask });
          const [reply] = (await once(worker, "message", { signal })) as [Answer]; // pack-thread.ts
          isSound = reply.state === "failed" || kind !== "parts";
          if (reply.state === "failed") throw failureOf(reply);
          return reply.answer as ThreadWork[typeof kind]["answer"]; // the answer to what was asked
        },
      };
      try {
        return await use(thread);
      } finally {
        if (!isSound) void worker.terminate();
        giveBack(isSound ? worker : undefined);
      }
    },
  };
}

function failureOf({ of, message }: Answer & { state: "failed" }): Error {
  switch (of) {
    case "package":
      return new PackageFault(message);
    case "staging":
      return new SegmentTrouble(message);
    case "reading":
      return new Error(message);
  }
}
