import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { meaningOf, planFor, type ImageOptions, type Meaning } from "../core/build-key.ts";
import { imageRefusal, type WorkerPolicy } from "../core/build-policy.ts";
import { everywherePackages, imageName, shellPackages } from "../core/image.ts";
import { imageDocuments } from "../core/manifest.ts";
import type { Nix, Package } from "../core/ports.ts";
import type { BuildRequest, Failure, Lane, Phase, Progress, Settlement } from "../core/record.ts";
import type { Log } from "../core/log.ts";
import type { PackCounts } from "./build-measure.ts";
import { createPolicyCheck } from "./check-policy.ts";
import { describeUnknown } from "./describe-unknown.ts";
import { imageConfig } from "./image-config.ts";
import { packageFaultOf } from "./package-fault.ts";
import { boundedText, plainText } from "./plain-text.ts";
import { groupLayers } from "./layers.ts";
import { isWithin, limitBytes, notCached, tooLarge } from "./limit-refusals.ts";
import { groupByPlan } from "./plan-layers.ts";
import { createPlanReader } from "./read-plan.ts";
import { holdAgain, packTar, type PackTools } from "./pack.ts";
import { createLayerPacking, type Packing } from "./pack-layers.ts";
import type { Popularity } from "./popularity.ts";
import { rootLayer } from "./root-layer.ts";
import { tar } from "./tar.ts";

export interface BuildTools extends PackTools {
  readonly nix: Nix;
  readonly options: ImageOptions;
  readonly policy: WorkerPolicy;
  readonly popularity: Popularity;
  readonly timeLimitMs: number;
  /** Left out: layers are compressed by what Node brings, and nothing is kept for others. */
  readonly packing?: Packing;
  /**
   * How many may have Nix build and pack at once, for each lane; left out, all. What is wrong with a name is found out
   * before its turn.
   */
  readonly atOnce?: Readonly<Record<Lane, number>>;
  readonly log: Log;
}

/** Hears how far a build is; `counts` come with the last of it. */
export type Report = (progress: Progress, counts?: PackCounts) => void;

/** Builds one image, from its packages' names to its manifest. Rejects where firn or its machine is to blame. */
export type Build = (
  request: BuildRequest & { readonly lane?: Lane },
  report: Report,
  signal: AbortSignal,
) => Promise<Settlement>;

type Tell = (
  phase: Phase,
  message: string,
  done?: number,
  total?: number,
  counts?: PackCounts,
) => void;

export function createBuild(tools: BuildTools): Build {
  const { nix, blobs, options, policy } = tools;
  const checkPolicy = createPolicyCheck(nix, policy);
  const packLayers = createLayerPacking(tools);
  const readPlan = createPlanReader(blobs);
  // A large package set takes a core and a gigabyte to evaluate.
  const evaluating = pLimit(availableParallelism());
  const { atOnce } = tools;
  const turns = atOnce && { pull: pLimit(atOnce.pull), prebuild: pLimit(atOnce.prebuild) };

  return async (request, report, signal) => {
    const tell: Tell = (phase, message, done = 0, total = 1, counts) =>
      report({ phase, message, done, total }, counts);
    const { image, pin, lane = "pull" } = request;
    const { architecture, packages: requested } = image;
    const refused = imageRefusal(policy, image);
    if (refused !== undefined) return failed("not-allowed", refused);

    tell("evaluating", `looking up ${imageName(image)}`);
    const optional = [...(image.shell ? shellPackages : []), ...everywherePackages];
    const question = { pin, architecture, packages: requested, optional };
    const evaluation = await evaluating(() => nix.evaluate(question, signal));
    if (evaluation.state === "packages-unknown") {
      return failed("packages-unknown", describeUnknown(evaluation.unknown, pin.packageSet));
    }
    if (evaluation.state !== "evaluated") return failed(evaluation.state, evaluation.message);
    const { packages } = evaluation;
    if (image.shell && !packages.some(({ asked }) => shellPackages.includes(asked))) {
      return failed(
        "packages-unknown",
        `the package set has nothing of what shell stands for: ${shellPackages.join(", ")}`,
      );
    }

    const denied = await evaluating(() => checkPolicy(request, packages, signal));
    if (denied !== undefined) return failed("not-allowed", denied);

    const turn = turns?.[lane];
    if (turn === undefined) return await make(request, packages, tell, signal);
    if (turn.activeCount >= turn.concurrency) tell("realising", "waiting for its turn");
    return await turn(async () => {
      signal.throwIfAborted();
      return await make(request, packages, tell, signal);
    });
  };

  async function make(
    request: BuildRequest,
    packages: readonly Package[],
    tell: Tell,
    signal: AbortSignal,
  ): Promise<Settlement> {
    const { key } = request;
    const { compression, plan: digest } = meaningFor(request);
    // Of a plan that cannot be read nothing is made up: the key promises what is grouped by it.
    const plan = digest === undefined ? undefined : await readPlan(digest);
    try {
      tell("realising", "asking Nix for the packages");
      const realised = await nix.realise(
        {
          packages,
          root: key,
          limitBytes: limitBytes(policy),
          fromSource: policy.fromSource,
          timeoutMs: tools.timeLimitMs,
          onProgress: ({ done, total, message }) => tell("realising", message, done, total),
        },
        signal,
      );
      if (realised.state === "too-large") {
        return failed("not-allowed", tooLarge(policy, realised.bytes, false));
      }
      if (realised.state === "not-cached") {
        return failed("not-allowed", notCached(policy, realised.names));
      }
      if (realised.state !== "realised") {
        return failed(realised.state, realised.message, realised.log);
      }
      const roots = outputsOf(packages);
      const closure = await nix.closure(roots, signal);
      const bytes = closure.reduce((sum, { size }) => sum + size, 0);
      if (!isWithin(policy, bytes)) return failed("not-allowed", tooLarge(policy, bytes, true));

      // One of the layers is the image's own: its links and account files.
      const budget = options.layerBudget - 1;
      const { popularity } = tools;
      const groups =
        plan === undefined
          ? groupLayers(closure, roots, { budget, popularity })
          : groupByPlan(closure, roots, { budget, popularity, plan });
      const sizes = new Map(closure.map(({ path, size }) => [path, size]));
      const say = (done: number, total: number) =>
        tell("packing", `packed ${done} of ${total} layers`, done, total);
      const began = Date.now();
      const layers = await packLayers({ layers: groups, budget, sizes, compression }, say, signal);
      const root = rootLayer({ packages: forestPackages(packages) });
      const top = await packTar(blobs, compression, tar(root.entries), signal);

      const made = [...layers.filter(({ isReused }) => !isReused), top];
      tell("packing", "packed all layers", groups.length, groups.length, {
        layersPacked: made.length,
        layersReused: layers.length + 1 - made.length,
        packedBytes: made.reduce((sum, { size }) => sum + size, 0),
      });

      const all = [...layers, { ...top, comment: "links to the packages" }];
      const documents = imageDocuments(imageConfig(request, packages, root), all, compression);
      const config = await blobs.write(once(documents.config), signal);
      await holdAgain(blobs, [config, ...all], began);
      return { state: "ready", manifest: documents.manifest };
    } catch (error) {
      const fault = packageFaultOf(error);
      if (fault === undefined) throw error;
      return failed("build-failed", fault.message);
    } finally {
      await nix.release(key);
    }
  }

  // The key says how: whoever made it may be set differently.
  function meaningFor({ key, image, pin }: BuildRequest): Meaning {
    const asked = meaningOf(key, image, pin, options);
    if (asked === undefined)
      tools.log(
        "WARNING",
        `the key of ${imageName(image)} is not of this worker's settings: is FIRN_LAYERS, FIRN_ALLOW_UNFREE or FIRN_POPULARITY another where it was asked for?`,
        { key },
      );
    return asked ?? { compression: options.compression, plan: planFor(image, pin, options) };
  }
}

function failed(
  reason: Exclude<Failure["reason"], "service">,
  message: string,
  log: readonly string[] = [],
): Settlement {
  // Whatever a package made of it: clients print this on terminals, and the record keeps it.
  const said = { message: boundedText(message), log: log.map(plainText) };
  return { state: "failed", failure: { reason, ...said } };
}

function outputsOf(packages: readonly Package[]): readonly string[] {
  return [...new Set(packages.flatMap(({ outputs }) => outputs.map(({ path }) => path)))].sort();
}

function forestPackages(packages: readonly Package[]) {
  return packages.map(({ attribute, priority, optional, outputs }) => ({
    name: attribute,
    priority,
    requested: !optional,
    outputs: outputs.map(({ path }) => path),
  }));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
