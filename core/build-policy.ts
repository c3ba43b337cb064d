import { shellPackages, type Image } from "./image.ts";
import { denialOf, packageRefusal, parsePackagePatterns } from "./package-patterns.ts";
import type { PackageSet } from "./package-set.ts";
import type { PatternList } from "./patterns.ts";
import { parseRevisionPatterns, revisionRefusal } from "./revision-patterns.ts";

/**
 * What may be built. It is no part of a build key: what was built before is served, whatever the policy has become.
 *
 * Functions judge names and tags before anything is asked of a worker (`functions/pull.ts`, `functions/prebuild.ts`). The
 * worker judges again, since jobs may have been written by others, and it alone knows what a name means
 * (`worker/check-policy.ts`).
 */
export interface BuildPolicy {
  readonly packages: PatternList;
  readonly revisions: PatternList;
  /** Packages that a name may have. */
  readonly maxPackages: number;
  /** Who is to be asked for what is refused. */
  readonly contact: string;
}

/** What of it the worker alone finds out. */
export interface WorkerPolicy extends BuildPolicy {
  /** What an image may have before compression, in megabytes of a million bytes. */
  readonly maxClosureMb: number;
  readonly fromSource: FromSource;
}

/** Whether Nix builds what no binary cache has. */
export type FromSource = "allowed" | "never";

/** Everything may be built, of as many packages as a name has room for. */
export const anythingGoes: WorkerPolicy = {
  packages: parsePackagePatterns("*"),
  revisions: parseRevisionPatterns("*"),
  maxPackages: 255,
  maxClosureMb: Infinity,
  fromSource: "allowed",
  contact: "whoever runs this registry",
};

/** Why an image may not be built, for whoever asked for it; undefined where it may. All that is wrong is said. */
export function imageRefusal(policy: BuildPolicy, image: Image): string | undefined {
  const { packages: list, maxPackages } = policy;
  const { packages } = image;
  if (packages.length > maxPackages) {
    return refusal(policy, [
      `images of ${packages.length} packages (at most ${maxPackages} in a name)`,
    ]);
  }
  const named = packages.map((path) => [path, packageRefusal(list, path)] as const);
  const shell = image.shell ? [["shell", shellRefusal(list)] as const] : [];
  const refused = [...shell, ...named].filter(([, why]) => why !== undefined);
  if (refused.length === 0) return undefined;
  return refusal(
    policy,
    refused.map(([path, why]) => `${path} (${why})`),
  );
}

// It brings packages that nobody names, so what denies one of those denies it.
function shellRefusal(list: PatternList): string | undefined {
  const refused = packageRefusal(list, "shell");
  if (refused !== undefined) return refused;
  const brought = shellPackages.find((path) => denialOf(list, path) !== undefined);
  return brought === undefined ? undefined : `it brings ${brought}, which is denied`;
}

/** Why nothing may be built at a tag, for whoever asked for it; undefined where it may. */
export function tagRefusal(
  policy: BuildPolicy,
  packageSet: PackageSet,
  tag: string,
): string | undefined {
  const why = revisionRefusal(policy.revisions, packageSet, tag);
  return why === undefined ? undefined : refusal(policy, [`anything at ${tag} (${why})`]);
}

/** What whoever asked is told; `what` is what is not built, each with the reason. */
export function refusal({ contact }: BuildPolicy, what: readonly string[]): string {
  return `this registry does not build ${what.join(", ")}: ask ${contact}`;
}
