import type { ImageOptions } from "../core/build-key.ts";
import { planned, withPlans } from "../core/layer-plans.ts";
import { movePins, type MoveTools } from "../core/move-pins.ts";
import { packageSetOfPin } from "../core/package-set.ts";
import type { Nix, Pinned, PinRecord, Pins, Plans, Standing } from "../core/ports.ts";
import { messageOf, type Log } from "../core/log.ts";
import { forClients } from "./for-clients.ts";

export interface PinJobTools {
  readonly pins: Pins;
  readonly plans: Plans;
  readonly options: ImageOptions;
  readonly nix: Nix;
  readonly log: Log;
  readonly now: () => number;
  /** What it takes to build images before a pin moves; undefined: pins move at once, as those of folders have to. */
  readonly moving: MoveTools | undefined;
}

type Failed = Exclude<Pinned, { state: "pinned" }>;

type Found =
  | { readonly state: "standing"; readonly standing: Standing }
  | Failed
  | { readonly state: "service"; readonly message: string };

/** Finds out where a reference stands and writes it down, a failure too: somebody is waiting for either. */
export async function lookUpPin(
  tools: PinJobTools,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { pins, moving } = tools;
  const asked = await pins.read(id);
  if (asked === undefined) return;
  const found = await find(tools, id, asked, signal);
  // Somebody may have asked again in the meantime, which changes nothing of the answer: write it over theirs.
  for (;;) {
    const present = await pins.read(id);
    if (present === undefined) return;
    if (await pins.replace(id, present.version, afterLookUp(tools, present, found))) break;
  }
  if (moving !== undefined) await movePins(moving);
}

async function find(
  tools: PinJobTools,
  id: string,
  asked: PinRecord,
  signal: AbortSignal,
): Promise<Found> {
  const { nix, log } = tools;
  try {
    const found = await nix.pin(asked.reference, signal);
    if (found.state !== "pinned") return found;
    const { revision, plans } = await withItsPlans(tools, id, asked, found.revision);
    return { state: "standing", standing: { revision, ...(plans && { plans }) } };
  } catch (error) {
    signal.throwIfAborted();
    const message = messageOf(error);
    log("ERROR", `could not look up where the package set stands: ${message}`, { error });
    return { state: "service", message: forClients(message) };
  }
}

/** From here on the same plans apply at a revision, whoever asks for it and by which tag. */
async function withItsPlans(
  { plans, options }: PinJobTools,
  id: string,
  { current }: PinRecord,
  revision: string,
) {
  const pin = { packageSet: packageSetOfPin(id), revision };
  if (current?.revision !== revision) return await withPlans(plans, pin, options.layerBudget);
  // What a tag served before there were plans, it goes on serving.
  return planned(pin, await plans.apply(pin, undefined, current.plans ?? {}));
}

function afterLookUp(
  { now, moving, log }: PinJobTools,
  present: PinRecord,
  found: Found,
): Omit<PinRecord, "version"> {
  const { version: _version, failure: _failure, next, ...kept } = present;
  if (found.state !== "standing") {
    const failure = { reason: found.state, message: found.message, failedAt: now() };
    return { ...kept, ...(next && { next }), failure };
  }
  const { standing } = found;
  const { revision } = standing;
  const { current } = present;
  const there = { ...standing, resolvedAt: now() };
  if (current === undefined || current.revision === revision) return { ...kept, current: there };
  if (moving === undefined) {
    log("INFO", `the package set moved to ${revision}`, { from: current.revision });
    return { ...kept, current: there, previous: current.revision };
  }
  // It stands where it stood until the images pulled lately are built where it goes.
  const here = { ...current, resolvedAt: now() };
  return { ...kept, current: here, next: { ...standing, since: next?.since ?? now() } };
}
