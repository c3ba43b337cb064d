import { LRUCache } from "lru-cache";
import { everywherePackages } from "../core/image.ts";
import { refusal, type BuildPolicy } from "../core/build-policy.ts";
import { deniedPaths, deniedTwins, denialOf, packageRefusal } from "../core/package-patterns.ts";
import type { Nix, Package } from "../core/ports.ts";
import type { BuildRequest } from "../core/record.ts";

/** Why what an image's names mean may not be built, for whoever asked; undefined where it may. */
export type CheckPolicy = (
  request: BuildRequest,
  packages: readonly Package[],
  signal: AbortSignal,
) => Promise<string | undefined>;

/** Derivations that are denied, each with the path it is denied by. */
type Denied = ReadonlyMap<string, string>;

const knownSets = 20;

/**
 * Makes the function that judges packages once they are known: by what the package set calls them, and by whether they
 * are what is denied under another name, such as `pkgs.openssl` where `openssl` is. Dependencies are not judged, nor the
 * CA certificates, which are firn's own.
 */
export function createPolicyCheck(nix: Pick<Nix, "evaluate">, policy: BuildPolicy): CheckPolicy {
  const list = policy.packages;
  const sets = new LRUCache<string, Promise<Denied>>({ max: knownSets });

  async function derivations(
    { pin, image }: BuildRequest,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<Denied> {
    const ask = async (optional: readonly string[]) => {
      const { architecture } = image;
      return await nix.evaluate({ pin, architecture, packages: [], optional }, signal);
    };
    const whole = await ask(paths);
    // One that Nix cannot get over takes the others with it; by itself it is nothing that could be built.
    const answers = whole.state === "evaluated" ? [whole] : [];
    for (const path of whole.state === "evaluated" ? [] : paths) {
      const alone = await ask([path]);
      if (alone.state === "evaluated") answers.push(alone);
    }
    const packages = answers.flatMap((answer) => answer.packages);
    return new Map(packages.map(({ derivation, attribute }) => [derivation, attribute]));
  }

  /** The same for what is denied by its whole path, which is so for every image of a revision. */
  async function alwaysDenied(request: BuildRequest, signal: AbortSignal): Promise<Denied> {
    const paths = deniedPaths(list);
    if (paths.length === 0) return new Map();
    const { pin, image } = request;
    const set = JSON.stringify([pin.packageSet, pin.revision, image.architecture]);
    const known = sets.get(set) ?? derivations(request, paths, signal);
    sets.set(set, known);
    return await known.catch(async () => {
      if (sets.get(set) === known) sets.delete(set);
      signal.throwIfAborted();
      // The build that asked may have been given up, which is nothing to the others that wait for its answer.
      return await derivations(request, paths, signal);
    });
  }

  return async (request, packages, signal) => {
    const judged = packages.filter(
      ({ asked, optional }) => !(optional && everywherePackages.includes(asked)),
    );
    const wrong = judged.flatMap((each) => {
      // What `shell` brings is allowed with it.
      const denial = each.optional ? denialOf(list, each.attribute) : undefined;
      const why = each.optional ? denial && `denied by ${denial}` : refusalOf(policy, each);
      return why === undefined ? [] : [`${each.attribute} (${why})`];
    });
    if (wrong.length > 0) return refusal(policy, wrong);
    if (list.denied.length === 0) return undefined;

    const names = judged.flatMap(({ attribute, name }) => [lastOf(attribute), name]);
    const twins = deniedTwins(list, [...new Set(names)]);
    const always = await alwaysDenied(request, signal);
    const here = twins.length === 0 ? new Map() : await derivations(request, twins, signal);
    const denied: Denied = new Map([...always, ...here]);
    const aliases = judged.flatMap(({ attribute, derivation }) => {
      const other = denied.get(derivation);
      return other === undefined ? [] : [`${attribute} (it is ${other}, which is denied)`];
    });
    return aliases.length === 0 ? undefined : refusal(policy, aliases);
  };
}

function refusalOf({ packages }: BuildPolicy, { attribute, outputs }: Package) {
  const [first] = outputs;
  const isOutput = outputs.length === 1 && first?.name === lastOf(attribute);
  return packageRefusal(packages, attribute, isOutput && attribute.includes("."));
}

function lastOf(attribute: string): string {
  return attribute.slice(attribute.lastIndexOf(".") + 1);
}
