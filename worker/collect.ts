import { statfs } from "node:fs/promises";
import type { Log } from "../core/log.ts";
import type { Gate } from "./gate.ts";
import type { Keep } from "./keep.ts";
import type { Run } from "./run.ts";

export interface CollectTools {
  readonly run: Run;
  readonly log: Log;
  readonly gate: Gate;
  readonly keep: Keep;
  /** On the disk that is looked after. */
  readonly folder: string;
  /** Percent of the disk that may be in use. */
  readonly share: number;
}

// Below the share by so much is where it stops: each time Nix looks at the whole store.
const slackPercent = 5;
// For so much at once builds may have to wait.
const mostAtOnce = 2 ** 30;

/**
 * Makes the function that has Nix remove from the store what nothing needs, if more of the disk is in use than may be:
 * first what nobody keeps, then what was used least lately. It may be called at any time, beside builds, and waits for
 * itself.
 */
export function createCollector(tools: CollectTools) {
  const { log, gate, keep, share } = tools;
  let running: Promise<void> | undefined;
  let isTold = false;

  async function collect(signal: AbortSignal): Promise<void> {
    let excess = await excessOf(tools, share);
    if (excess <= 0) {
      isTold = false;
      return;
    }
    const before = excess;
    const enough = share - Math.min(slackPercent, share - 1);
    for (;;) {
      excess = await excessOf(tools, enough);
      if (excess <= 0) break;
      const bytes = Math.min(excess, mostAtOnce);
      // What nobody needs now may be needed as soon as the gate is open again.
      const isMore = await gate.alone(() => removeSome(tools, bytes, signal));
      if (!isMore) break;
    }
    const left = await excessOf(tools, share);
    const freed = Math.max(0, before - left);
    if (freed > 0) log("INFO", `removed ${megabytes(freed)} from the Nix store`, { bytes: freed });
    if (left > 0 && !isTold) {
      isTold = true;
      const message = `the disk is fuller than ${share} %, and builds under way need what is left of the store`;
      log("WARNING", message, { bytes: left });
    }
  }

  return async (signal: AbortSignal): Promise<void> => {
    running ??= collect(signal).finally(() => (running = undefined));
    await running;
  };

  /** Says whether there may be more to remove. */
  async function removeSome(
    { run }: CollectTools,
    bytes: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const args = ["--gc", "--max-freed", String(bytes)];
    const { stdout, stderr } = await run({ file: "nix-store", args, signal });
    // Other builds write meanwhile: the disk itself does not tell.
    const [, deleted] = /^(\d+) store paths deleted/m.exec(`${stdout}\n${stderr}`) ?? [];
    if (deleted !== undefined && deleted !== "0") return true;
    const idle = await keep.idle();
    const oldest = idle.slice(0, Math.ceil(idle.length / 4));
    for (const root of oldest) await keep.drop(root);
    return oldest.length > 0;
  }
}

/** By how many bytes more of the disk is in use than a percentage of it; as `df` counts. */
async function excessOf({ folder }: CollectTools, percent: number): Promise<number> {
  const { bsize, blocks, bfree, bavail } = await statfs(folder);
  const used = blocks - bfree;
  return Math.ceil((used - ((used + bavail) * percent) / 100) * bsize);
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
