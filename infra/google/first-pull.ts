import { setTimeout as sleep } from "node:timers/promises";
import { encodeJob } from "../../core/job-message.ts";
import { messageOf } from "../../core/log.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { selectRevision, withPlaces } from "../../core/package-set.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { topicOf } from "./messages.ts";
import type { Place } from "./place.ts";
import { gcloud, type Command } from "./resource.ts";

/** The message that has the worker look up where `latest` stands; undefined where it stands where it does. */
export function firstPin(place: Place, settings: DeploymentSettings): Command | undefined {
  const selection = selectRevision(withPlaces(settings.packageSet, settings), "latest");
  if (selection.kind === "revision") return undefined;
  const { data, attributes } = encodeJob({ kind: "pin", pinId: selection.pinId });
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  return gcloud(
    "pubsub topics publish",
    topicOf(place, "pins"),
    `--message=${new TextDecoder().decode(data)}`,
    `--attribute=${pairs.join(",")}`,
  );
}

export interface PullOptions {
  readonly address: string;
  readonly image: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
  readonly pauseMs?: number;
}

const usualLimitMs = 20 * 60_000;
const usualPauseMs = 5000;

/** What a pull by nobody comes to. Where an account is needed the registry is up, and who has none is told no more. */
export type Pull =
  | { readonly state: "pulled" | "needs an account" }
  | { readonly state: "not yet"; readonly obstacle: string };

/**
 * Waits until a pull of an image succeeds, or would with an account: as clients do, it follows where it is sent while the
 * image is built. Says what stands in the way when that changes. Rejects after twenty minutes, with the last of it.
 */
export async function awaitPull(options: PullOptions): Promise<Exclude<Pull["state"], "not yet">> {
  const { address, image, say, signal, limitMs = usualLimitMs, pauseMs = usualPauseMs } = options;
  const end = performance.now() + limitMs;
  let last: string | undefined;
  for (;;) {
    const pull = await tryPull({ address, image, signal });
    if (pull.state !== "not yet") return pull.state;
    const { obstacle } = pull;
    if (obstacle !== last) say(`  not yet: ${obstacle}`);
    last = obstacle;
    if (performance.now() > end) {
      throw new Error(
        `${image} cannot be pulled from ${address} after ${Math.round(limitMs / 60_000)} minutes: ${obstacle}. ${address}/status says what is being built, and gcloud logging read --freshness=1h what went wrong`,
      );
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

const answerMs = 60_000;

/** Pulls an image, once and by nobody. */
export async function tryPull({
  address,
  image,
  signal,
}: Pick<PullOptions, "address" | "image" | "signal">): Promise<Pull> {
  const notYet = (obstacle: string): Pull => ({ state: "not yet", obstacle });
  try {
    const response = await fetch(`${address}/v2/${image}/manifests/latest`, {
      headers: { accept: `${mediaTypes.manifest}, ${mediaTypes.index}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    const text = await response.text();
    if (response.ok) return { state: "pulled" };
    const asks = response.headers.get("www-authenticate")?.includes("/token") ?? false;
    if (response.status === 401 && asks) return { state: "needs an account" };
    return notYet(`${response.status} ${text.slice(0, 300)}`);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === "TimeoutError") {
      return notYet(
        `no answer within ${answerMs / 1000} s, which may be a build that takes longer`,
      );
    }
    const cause =
      error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return notYet(`${messageOf(error)}${cause}`);
  }
}
