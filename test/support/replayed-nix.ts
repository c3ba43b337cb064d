import { parseImage } from "../../core/image.ts";
import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import type { Evaluation, Nix, StorePath } from "../../core/ports.ts";
import type { BuildRequest } from "../../core/record.ts";
import { realNix } from "./nix.ts";

/** What Nix answered when an image was built: as JSON it can be answered again, by whomever and wherever. */
export interface Replay {
  readonly request: BuildRequest;
  readonly evaluation: Evaluation;
  readonly closure: readonly StorePath[];
}

const never = new AbortController().signal;

/** Has the real Nix build an image's packages, and writes down what it answered. */
export async function recordNix(
  name: string,
  options: ImageOptions,
  packageSet?: string,
): Promise<Replay> {
  await using real = await realNix(packageSet);
  const pinned = await real.nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const image = parseImage(name, process.arch === "arm64" ? "arm64" : "amd64");
  const pin = { packageSet: "path", revision: pinned.revision };
  const { architecture, packages } = image;
  const optional = ["base"];
  const evaluation = await real.nix.evaluate({ pin, architecture, packages, optional }, never);
  if (evaluation.state !== "evaluated") throw new Error(JSON.stringify(evaluation));
  const wanted = { packages: evaluation.packages, root: "replay", timeoutMs: 60_000 };
  const realised = await real.nix.realise({ ...wanted, onProgress: () => undefined }, never);
  if (realised.state !== "realised") throw new Error(JSON.stringify(realised));
  const outputs = evaluation.packages.flatMap((each) => each.outputs.map(({ path }) => path));
  const closure = await real.nix.closure(outputs, never);
  return { request: { key: buildKey(image, pin, options), image, pin }, evaluation, closure };
}

/** A Nix that answers as it did. */
export function replayedNix({ request, evaluation, closure }: Replay): Nix {
  return {
    pin: async () => ({ state: "pinned", revision: request.pin.revision }),
    evaluate: async () => evaluation,
    realise: async () => ({ state: "realised" }),
    release: async () => undefined,
    closure: async () => closure,
    survey: async () => ({ packages: [], paths: closure }),
  };
}
