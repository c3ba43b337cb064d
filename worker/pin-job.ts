import type { Nix, PinRecord, Pins } from "../core/ports.ts";
import { messageOf, type Log } from "../core/log.ts";

interface PinJobTools {
  readonly pins: Pins;
  readonly nix: Nix;
  readonly log: Log;
  readonly now: () => number;
}

/** Finds out where a reference stands and writes it down, a failure too: somebody is waiting for either. */
export async function lookUpPin(
  { pins, nix, log, now }: PinJobTools,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const asked = await pins.read(id);
  if (asked === undefined) return;
  const found = await answer();
  signal.throwIfAborted();
  // Somebody may have asked again in the meantime, which changes nothing of the answer: write it over theirs.
  for (;;) {
    const present = await pins.read(id);
    if (present === undefined) return;
    const { version, failure: _failure, ...kept } = present;
    if (await pins.replace(id, version, { ...kept, ...found(present) })) return;
  }

  async function answer(): Promise<(present: PinRecord) => Partial<PinRecord>> {
    try {
      const pinned = await nix.pin(asked?.reference, signal);
      if (pinned.state === "revision-unknown") {
        const { message } = pinned;
        return () => ({ failure: { reason: "revision-unknown", message, failedAt: now() } });
      }
      const { revision } = pinned;
      return ({ current, previous }) => {
        const moved = current !== undefined && current.revision !== revision;
        if (moved) log("INFO", `the package set moved to ${revision}`, { from: current.revision });
        const before = moved ? current.revision : previous;
        return {
          current: { revision, resolvedAt: now() },
          ...(before === undefined ? {} : { previous: before }),
        };
      };
    } catch (error) {
      signal.throwIfAborted();
      const message = messageOf(error);
      log("ERROR", `could not look up where the package set stands: ${message}`, { error });
      return () => ({ failure: { reason: "service", message, failedAt: now() } });
    }
  }
}
