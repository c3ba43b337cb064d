import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { compressionOf, type ImageOptions } from "../core/build-key.ts";
import type { Compression } from "../core/compression.ts";
import { everywherePackages, imageName, shellPackages } from "../core/image.ts";
import { imageDocuments } from "../core/manifest.ts";
import type { Nix, Package } from "../core/ports.ts";
import type { BuildRequest, Phase, Progress, Settlement } from "../core/record.ts";
import type { Log } from "../core/log.ts";
import { archive } from "./archive.ts";
import { describeUnknown } from "./describe-unknown.ts";
import { describeLayer, imageConfig } from "./image-config.ts";
import { packageFaultOf } from "./package-fault.ts";
import { boundedText, plainText } from "./plain-text.ts";
import { groupLayers, type Layer } from "./layers.ts";
import { layerKey, packLayer, packTar, reusableLayers, type PackTools } from "./pack.ts";
import type { Popularity } from "./popularity.ts";
import { rootLayer } from "./root-layer.ts";
import { tar } from "./tar.ts";

export interface BuildTools extends PackTools {
  readonly nix: Nix;
  readonly options: ImageOptions;
  readonly popularity: Popularity;
  readonly timeLimitMs: number;
  readonly log: Log;
}

export type Report = (progress: Progress) => void;

/** Builds one image, from its packages' names to its manifest. Rejects where firn or its machine is to blame. */
export type Build = (
  request: BuildRequest,
  report: Report,
  signal: AbortSignal,
) => Promise<Settlement>;

export function createBuild(tools: BuildTools): Build {
  const { nix, blobs, options } = tools;
  // Compressing is what takes the cores, whichever build it is for.
  const packing = pLimit(availableParallelism());

  return async (request, report, signal) => {
    const tell = (phase: Phase, message: string, done = 0, total = 1) =>
      report({ phase, message, done, total });
    const { key, image, pin } = request;
    const { architecture, packages: requested } = image;
    const compression = compressionFor(request);

    tell("evaluating", `looking up ${imageName(image)}`);
    const optional = [...(image.shell ? shellPackages : []), ...everywherePackages];
    const question = { pin, architecture, packages: requested, optional };
    const evaluation = await nix.evaluate(question, signal);
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

    try {
      tell("realising", "asking Nix for the packages");
      const realised = await nix.realise(
        {
          packages,
          root: key,
          timeoutMs: tools.timeLimitMs,
          onProgress: ({ done, total, message }) => tell("realising", message, done, total),
        },
        signal,
      );
      if (realised.state !== "realised") {
        return failed(realised.state, realised.message, realised.log);
      }
      const roots = outputsOf(packages);
      const closure = await nix.closure(roots, signal);

      // One of the layers is the image's own: its links and account files.
      const budget = options.layerBudget - 1;
      const groups = groupLayers(closure, roots, { budget, popularity: tools.popularity });
      const layers = await pack(groups, compression, tell, signal);
      const root = rootLayer({ packages: forestPackages(packages) });
      const top = await packTar(blobs, compression, tar(root.entries), signal);

      const all = [...layers, { ...top, comment: "links to the packages" }];
      const documents = imageDocuments(imageConfig(request, packages, root), all, compression);
      await blobs.write(once(documents.config), signal);
      return { state: "ready", manifest: documents.manifest };
    } catch (error) {
      const fault = packageFaultOf(error);
      if (fault === undefined) throw error;
      return failed("build-failed", fault.message);
    } finally {
      await nix.release(key);
    }
  };

  // The key says how: whoever made it may be set differently.
  function compressionFor({ key, image, pin }: BuildRequest): Compression {
    const asked = compressionOf(key, image, pin, options);
    if (asked === undefined)
      tools.log(
        "WARNING",
        `the key of ${imageName(image)} is not of this worker's settings: is FIRN_LAYERS, FIRN_ALLOW_UNFREE or FIRN_POPULARITY another where it was asked for?`,
        { key },
      );
    return asked ?? options.compression;
  }

  async function pack(
    groups: readonly Layer[],
    compression: Compression,
    tell: (phase: Phase, message: string, done: number, total: number) => void,
    signal: AbortSignal,
  ) {
    const keys = groups.map(({ paths }) => layerKey(paths, compression));
    const reusable = await reusableLayers(tools, keys);
    let done = reusable.size;
    const say = () =>
      tell("packing", `packed ${done} of ${groups.length} layers`, done, groups.length);
    say();
    // The first failure ends the others: what they would still store nobody will ask for.
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const packed = groups.map(async ({ paths }, i) => {
      const key = keys[i] ?? layerKey(paths, compression);
      const comment = describeLayer(paths);
      const known = reusable.get(key);
      if (known !== undefined) return { ...known, comment };
      return await packing(async () => {
        either.throwIfAborted();
        const entry = await packLayer(tools, key, compression, archive(paths), either);
        done += 1;
        say();
        return { ...entry, comment };
      }).catch((error: unknown) => {
        failing.abort(error);
        throw error;
      });
    });
    const ended = await Promise.allSettled(packed);
    failing.signal.throwIfAborted();
    return ended.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  }
}

function failed(
  reason:
    | "packages-unknown"
    | "revision-unknown"
    | "evaluation-failed"
    | "build-failed"
    | "timed-out",
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
