import type { ImageConfig } from "../core/manifest.ts";
import type { Package } from "../core/ports.ts";
import type { BuildRequest } from "../core/record.ts";
import { isProgram, word } from "./described-package.ts";
import { storePathName } from "./popularity.ts";
import type { RootLayer } from "./root-layer.ts";

/** What the image says of itself: how it is run, and where it comes from. */
export function imageConfig(
  request: BuildRequest,
  packages: readonly Package[],
  root: RootLayer,
): ImageConfig {
  const { key, image, pin } = request;
  const requested = packages.filter(({ optional }) => !optional);
  const present = new Set(root.entries.map(({ path }) => path));
  const runnable = (program: string) =>
    present.has(`bin/${program}`) ? [`/bin/${program}`] : undefined;
  return {
    architecture: image.architecture,
    env: root.environment,
    cmd: image.shell ? runnable("bash") : mainProgram(requested, runnable),
    labels: {
      "firn.build-key": key,
      "firn.package-set": pin.packageSet,
      "firn.packages": packages
        .map(({ attribute, version }) => `${word(attribute)}=${word(version)}`)
        .sort()
        .join(" "),
      "firn.revision": pin.revision,
    },
  };
}

// The order in which packages are named means nothing, so of several none is the main one.
function mainProgram(
  requested: readonly Package[],
  runnable: (program: string) => readonly string[] | undefined,
): readonly string[] | undefined {
  const [only, ...others] = requested;
  if (only === undefined || others.length > 0) return undefined;
  const { mainProgram: named, name } = only;
  return runnable(isProgram(named) ? named : name);
}

/** A layer's entry in the image's history: the first of its paths, and how many there are. */
export function describeLayer(paths: readonly string[]): string {
  const [first = ""] = paths;
  const more = paths.length - 1;
  return more === 0 ? storePathName(first) : `${storePathName(first)} and ${more} more`;
}
