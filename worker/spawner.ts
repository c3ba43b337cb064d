import { messageOf } from "../core/log.ts";
import type { Run } from "./run.ts";

/** Has `script` run by a shell with a file as `$0`. Rejects where it does not end with 0, or not within the time. */
export type RunOn = (file: string, limitMs: number) => Promise<void>;

// A process that waits for this would be kept up so much longer.
const idleMs = 500;

/**
 * Starts programs from a small process of its own, which lives while there is work: one that has as much memory as
 * this one takes 15 to 100 ms to fork, in which it does nothing else. It is xargs, which runs `script` for each name it
 * is told, at most so many at once. The script is firn's own; what files are called reaches it as its argument. Where one
 * takes too long all that run are stopped, since xargs does not say which process is whose, and all of them reject.
 */
export function createSpawner(run: Run, script: string, atOnce: number): RunOn {
  let current: Spawner | undefined;
  return async (file, limitMs) => {
    if (current === undefined || current.ended) current = startSpawner(run, script, atOnce);
    await current.runOn(file, limitMs);
  };
}

interface Spawner {
  readonly ended: boolean;
  readonly runOn: RunOn;
}

function startSpawner(run: Run, script: string, atOnce: number): Spawner {
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const names: string[] = [];
  let more = Promise.withResolvers<void>();
  const stopping = new AbortController();
  let ended = false;
  let idle: NodeJS.Timeout | undefined;

  async function* input(): AsyncGenerator<string> {
    for (;;) {
      yield* names.splice(0).map((name) => `${name}\0`);
      if (ended) return;
      await more.promise;
      more = Promise.withResolvers();
    }
  }

  function end(): void {
    ended = true;
    more.resolve();
  }

  function failAll(error: Error): void {
    end();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  const args = ["-0", "-n", "1", "-P", `${atOnce}`, "sh", "-c", `${script}; echo "$? $0"`];
  const running = run({
    file: "xargs",
    args,
    input: input(),
    signal: stopping.signal,
    onOutputLine: (line) => {
      const [, code, file = ""] = /^(\d+) (.*)$/.exec(line) ?? [];
      const job = waiting.get(file);
      waiting.delete(file);
      if (code === "0") job?.resolve();
      else job?.reject(new Error(`it ended with ${code}`));
      if (waiting.size === 0) idle = setTimeout(end, idleMs);
    },
  });
  running.then(
    () => failAll(new Error("xargs ended before its work was done")),
    (error: unknown) => failAll(error instanceof Error ? error : new Error(messageOf(error))),
  );
  return {
    get ended() {
      return ended;
    },
    async runOn(file, limitMs) {
      clearTimeout(idle);
      const job = Promise.withResolvers<void>();
      waiting.set(file, job);
      names.push(file);
      more.resolve();
      // They are gone before anybody hears of it, and write to nothing that is removed then.
      const limit = setTimeout(() => {
        end();
        stopping.abort(new Error(`it was stopped after ${limitMs / 1000} s`));
      }, limitMs);
      try {
        await job.promise;
      } finally {
        clearTimeout(limit);
      }
    },
  };
}
