import {
  packageSetId,
  publicNixpkgs,
  selectRevision,
  withPlaces,
  type PackageSet,
} from "../../core/package-set.ts";
import type { Nix, Pins } from "../../core/ports.ts";
import { messageOf, type Log } from "../../core/log.ts";
import type { LocalSettings } from "../../core/settings.ts";

/** What `auto` tries first. */
const firstChoice = { kind: "nixpkgs", reference: "nixos-unstable" } as const;
const reachMs = 20_000;

/** The package set of the settings, with the places nixpkgs is fetched from; undefined for `auto`. */
export function configuredPackageSet(settings: LocalSettings): PackageSet | undefined {
  if (settings.packageSet === "auto") return undefined;
  return withPlaces(settings.packageSet, settings);
}

/**
 * Chooses for `auto`: nixpkgs where it was served before, or where it is in reach and this Nix can evaluate it; else
 * the starter set, and says why.
 */
export async function choosePackageSet(
  settings: LocalSettings,
  tools: {
    readonly pins: Pins;
    readonly nixFor: (packageSet: PackageSet) => Nix;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<PackageSet> {
  const nixpkgs = withPlaces({ ...publicNixpkgs, ...firstChoice }, settings);
  const selection = selectRevision(nixpkgs, "latest");
  // What was served before is served again, with or without a network: a tag must not change its meaning.
  if (selection.kind === "reference" && (await tools.pins.read(selection.pinId))?.current)
    return nixpkgs;
  try {
    const why = await whyNot(
      tools.nixFor(nixpkgs),
      nixpkgs,
      AbortSignal.any([signal, AbortSignal.timeout(reachMs)]),
      signal,
    );
    if (why === undefined) return nixpkgs;
    tools.log(
      "INFO",
      `nixpkgs is in reach, but this Nix cannot evaluate it (${why}): serving the starter set`,
    );
  } catch (error) {
    signal.throwIfAborted();
    tools.log("INFO", "nixpkgs is out of reach: serving the starter set");
    tools.log("DEBUG", `nixpkgs is out of reach: ${messageOf(error)}`);
  }
  return { kind: "starter" };
}

/** Why nixpkgs cannot be served, although it can be fetched; undefined if it can. */
async function whyNot(
  nix: Nix,
  nixpkgs: PackageSet,
  reach: AbortSignal,
  signal: AbortSignal,
): Promise<string | undefined> {
  const pinned = await nix.pin(firstChoice.reference, reach);
  if (pinned.state !== "pinned") return pinned.message;
  const pin = { packageSet: packageSetId(nixpkgs), revision: pinned.revision };
  const evaluation = await nix.evaluate(
    { pin, architecture: "amd64", packages: ["hello"], optional: [] },
    signal,
  );
  if (evaluation.state === "evaluated") return undefined;
  return "message" in evaluation ? evaluation.message.split("\n", 1)[0] : "it has no package hello";
}
