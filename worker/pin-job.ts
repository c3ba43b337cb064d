import { movePins, type MoveTools } from "../core/move-pins.ts";
import type { Nix, Pinned, PinRecord, Pins } from "../core/ports.ts";
import { messageOf, type Log } from "../core/log.ts";
import { forClients } from "./for-clients.ts";

export interface PinJobTools {
  readonly pins: Pins;
  readonly nix: Nix;
  readonly log: Log;
  readonly now: () => number;
  /** What it takes to build images before a pin moves; undefined: pins move at once, as those of folders have to. */
  readonly moving: MoveTools | undefined;
}

type Found = Pinned | { readonly state: "service"; readonly message: string };

/** Finds out where a reference stands and writes it down, a failure too: somebody is waiting for either. */
export async function lookUpPin(
  tools: PinJobTools,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { pins, moving } = tools;
  const asked = await pins.read(id);
  if (asked === undefined) return;
  const found = await find(tools, asked.reference, signal);
  // Somebody may have asked again in the meantime, which changes nothing of the answer: write it over theirs.
  for (;;) {
    const present = await pins.read(id);
    if (present === undefined) return;
    if (await pins.replace(id, present.version, afterLookUp(tools, present, found))) break;
  }
  if (moving !== undefined) await movePins(moving);
}

async function find(
  { nix, log }: PinJobTools,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  try {
    return await nix.pin(reference, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = messageOf(error);
    log("ERROR", `could not look up where the package set stands: ${message}`, { error });
    return { state: "service", message: forClients(message) };
  }
}

function afterLookUp(
  { now, moving, log }: PinJobTools,
  present: PinRecord,
  found: Found,
): Omit<PinRecord, "version"> {
  const { version: _version, failure: _failure, next, ...kept } = present;
  if (found.state !== "pinned") {
    const failure = { reason: found.state, message: found.message, failedAt: now() };
    return { ...kept, ...(next && { next }), failure };
  }
  const { revision } = found;
  const { current } = present;
  const there = { revision, resolvedAt: now() };
  if (current === undefined || current.revision === revision) return { ...kept, current: there };
  if (moving === undefined) {
    log("INFO", `the package set moved to ${revision}`, { from: current.revision });
    return { ...kept, current: there, previous: current.revision };
  }
  // It stands where it stood until the images pulled lately are built where it goes.
  const here = { revision: current.revision, resolvedAt: now() };
  return { ...kept, current: here, next: { revision, since: next?.since ?? now() } };
}
