import type { BuildKey } from "../core/build-key.ts";
import { imageRefusal, tagRefusal, type BuildPolicy } from "../core/build-policy.ts";
import { RegistryError } from "../core/errors.ts";
import { parseImages, type Platforms } from "../core/image.ts";
import type { PackageSet, Pin } from "../core/package-set.ts";
import type { Failure, SettledRecord } from "../core/record.ts";
import { admitsIndex } from "./accept.ts";
import type { Asking } from "./asking.ts";
import type { CurrentPins } from "./current-pin.ts";
import type { RegistryResponse } from "./exchange.ts";
import { createIndexes } from "./indexes.ts";
import {
  createOutcomes,
  NotBuilt,
  type Deadline,
  type Outcome,
  type OutcomeTools,
} from "./outcome.ts";
import type { PullNotes } from "./pull-notes.ts";
import * as respond from "./respond.ts";
import { canBeBuilt } from "./tag.ts";
import type { UseNotes } from "./use-notes.ts";

export interface PullTools extends OutcomeTools {
  readonly pins: CurrentPins;
  readonly notes: PullNotes;
  readonly uses: UseNotes;
  /** The platforms of names that do not say one. */
  readonly platforms: Platforms;
  readonly packageSet: PackageSet;
  readonly policy: BuildPolicy;
}

/** What came of a pull within the time it was held; `isWhole` says whether all platforms are in it. */
export type Pulled =
  | { readonly state: "served"; readonly response: RegistryResponse; readonly isWhole: boolean }
  | { readonly state: "pending"; readonly key: BuildKey | undefined };

type Ready = Extract<SettledRecord, { state: "ready" }>;
type Failed = Extract<SettledRecord, { state: "failed" }>;

/**
 * Makes the function that answers a pull by tag: with a manifest where one platform was asked for, or the client takes
 * nothing else, otherwise with an index of those platforms that could be built.
 */
export function createPull(tools: PullTools) {
  const { pins, notes, uses, policy, packageSet } = tools;
  const outcomes = createOutcomes(tools);
  const indexOf = createIndexes(tools.cache, uses, tools.now);

  async function answer(settled: readonly SettledRecord[]): Promise<Pulled> {
    const ready = settled.filter((each) => each.state === "ready");
    const failed = settled.filter((each) => each.state === "failed");
    const [first] = ready;
    if (first === undefined) return refuse(failed);
    const isWhole = failed.length === 0;
    // A build that has just settled is no reason for each of those who waited for it to write that down.
    for (const { manifest, settledAt } of ready) uses.wasNoted(manifest.digest, settledAt);
    const stored = settled.length === 1 ? first.manifest : await indexOf(ready.map(entryOf));
    if (stored === undefined) {
      // Nobody pulled it for long, and a part of it went just now: the next hop has it made anew.
      for (const { key } of ready) outcomes.forget(key);
      return { state: "pending", key: first.key };
    }
    await uses.note([...new Set([stored.digest, ...ready.map(({ manifest }) => manifest.digest)])]);
    const response = respond.manifest(stored, "tag");
    if (isWhole) return { state: "served", response, isWhole };
    // Who is on a platform that is there need not care; who is not finds out why.
    const warnings = failed.map(({ image, failure }) => `${image.architecture}: ${said(failure)}`);
    return { state: "served", response: respond.withWarnings(response, warnings), isWhole };
  }

  async function pinOf(
    tag: string,
    deadline: Deadline,
    asking: Asking | undefined,
  ): Promise<Pin | undefined> {
    const known = await pins.known(tag, () => asking?.look());
    if (known !== undefined) return known;
    const refused = tagRefusal(policy, packageSet, tag);
    if (refused !== undefined) throw new NotAllowed(refused);
    // Looking up another branch is work that somebody may have to be allowed to ask for.
    if (asking === undefined && !(await pins.wasFound(tag))) throw new NotBuilt();
    if (asking?.isCounted === true) await pins.begin(tag, () => asking.charge());
    const found = await pins.lookUp(tag, deadline());
    if (found?.state !== "failed") return found?.pin;
    const { reason, message } = found.failure;
    if (reason === "revision-unknown") throw new RegistryError(404, "MANIFEST_UNKNOWN", message);
    throw new Unavailable(message);
  }

  /**
   * `deadline` is asked for only where there is something to wait for. Throws `NotBuilt` where something would have to be
   * begun, and nobody who may asks for it.
   */
  return async (
    name: string,
    tag: string,
    accept: string | undefined,
    deadline: Deadline,
    asking: Asking | undefined,
  ): Promise<Pulled> => {
    const images = parseImages(name, tools.platforms);
    if (!canBeBuilt(tag)) {
      throw new RegistryError(404, "MANIFEST_UNKNOWN", `"${tag}" is not a tag that can be built`);
    }
    const pin = await pinOf(tag, deadline, asking);
    if (pin === undefined) return { state: "pending", key: undefined };
    const wanted = images.length === 1 || admitsIndex(accept) ? images : [images[0]];
    const found = await Promise.all(
      wanted.map((image) => {
        const refusal = () => tagRefusal(policy, packageSet, tag) ?? imageRefusal(policy, image);
        return outcomes.find(image, pin, deadline, { asking, refusal });
      }),
    );
    const settled = found.filter(isOver);
    const pending = found.find((outcome) => outcome.state === "pending");
    if (pending !== undefined) return { state: "pending", key: pending.key };
    const pulled = await answer(settled);
    const ready = settled.filter(({ state }) => state === "ready");
    if (pulled.state === "served") {
      await Promise.all(ready.map(({ image }) => notes.note(tag, image)));
    }
    return pulled;
  };
}

function isOver(outcome: Outcome): outcome is SettledRecord {
  return outcome.state !== "pending";
}

function entryOf({ image, manifest }: Ready) {
  return { architecture: image.architecture, manifest };
}

/** What a client is told where there is no platform to serve; each failure once, since most are those of all. */
function refuse(failed: readonly Failed[]): Pulled {
  const ours = failed.find(({ failure }) => failure.reason === "service");
  if (ours !== undefined) {
    const response = respond.unavailable(ours.failure.message);
    return { state: "served", response, isWhole: false };
  }
  const messages = [...new Set(failed.map(({ failure }) => said(failure)))];
  const named = failed.map(({ image, failure }) => `${image.architecture}: ${said(failure)}`);
  const message = messages.length === 1 ? messages.join() : named.join("\n");
  if (failed.every(({ failure }) => failure.reason === "not-allowed"))
    throw new NotAllowed(message);
  throw new RegistryError(404, "MANIFEST_UNKNOWN", message);
}

function said({ message, log }: Failure): string {
  return log.length === 0 ? message : `${message}\nThe last lines of its log:\n${log.join("\n")}`;
}

/** What was asked for is not there, and may not be built. */
export class NotAllowed extends RegistryError {
  constructor(why: string) {
    super(403, "DENIED", why);
  }
}

/** Something firn needs is out of reach; the client is told to come back. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
