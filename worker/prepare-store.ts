import { join } from "node:path";
import { messageOf, type Log } from "../core/log.ts";
import { createCollector } from "./collect.ts";
import { inheritedEnvironment, type Environment } from "./environment.ts";
import { createGate } from "./gate.ts";
import { createKeep, type Keep } from "./keep.ts";
import { createRun } from "./run.ts";
import { seedStore } from "./seed-store.ts";

export interface StoreOptions {
  readonly environment: Environment;
  /** Holds the roots of builds. */
  readonly data: string;
  /** A copy of `/nix` to begin with. */
  readonly seed: string | undefined;
  /** Percent of the disk that may be in use; undefined: nothing is removed. */
  readonly diskShare: number | undefined;
  readonly log: Log;
  readonly now: () => number;
}

const folder = "/nix";
const everyMs = 10_000;

/** A store that is being looked after until it is disposed of; `keep` is there if something may be removed from it. */
export interface PreparedStore extends AsyncDisposable {
  readonly keep: Keep | undefined;
}

/** Fills the Nix store if it is empty, and from then on sees to it that there is room on its disk. */
export async function prepareStore(
  { environment, data, seed, diskShare: share, log, now }: StoreOptions,
  stopping: AbortSignal,
): Promise<PreparedStore> {
  const run = createRun(inheritedEnvironment(environment));
  if (seed !== undefined) await seedStore({ run, log, seed, folder }, stopping);
  if (share === undefined) return { keep: undefined, [Symbol.asyncDispose]: async () => undefined };

  const gate = createGate();
  const gcRoots = join(folder, "var/nix/gcroots/firn");
  const keep = await createKeep({ gate, gcRoots, builds: join(data, "roots/builds"), now });
  const collect = createCollector({ run, log, gate, keep, folder, share });
  let collecting = Promise.resolve();
  const look = () => {
    collecting = collect(stopping).catch((error: unknown) => {
      if (stopping.aborted) return;
      log("WARNING", `the Nix store could not be cleared: ${messageOf(error)}`);
    });
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    keep,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await collecting;
    },
  };
}
