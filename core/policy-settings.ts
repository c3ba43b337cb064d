import type { FromSource } from "./build-policy.ts";
import { parsePackagePatterns } from "./package-patterns.ts";
import { parseRevisionPatterns } from "./revision-patterns.ts";
import { oneOf, setting, some, whole } from "./setting.ts";

// What may be built, as functions and worker have to agree on it.
export const policySettings = {
  packages: setting(
    "FIRN_PACKAGES",
    "packages that may be built: patterns of attribute paths separated by commas, `-` before what is denied, such as `*, -python3Packages.*`; `*` is everything",
    "*",
    parsePackagePatterns,
  ),
  revisions: setting(
    "FIRN_REVISIONS",
    "what tags may have built besides `latest`: patterns of channels, branches and tags, such as `nixos-*`, `commit:*` for commits, `-` before what is denied",
    "*",
    parseRevisionPatterns,
  ),
  maxPackages: setting("FIRN_MAX_PACKAGES", "packages that a name may have", "64", whole(1, 255)),
  contact: setting(
    "FIRN_CONTACT",
    "who is to be asked for what may not be built, as those are told who tried",
    "whoever runs this registry",
    some,
  ),
} as const;

/** Of the worker alone, which finds out. */
export const buildLimits = {
  maxClosureMb: setting(
    "FIRN_MAX_CLOSURE_MB",
    "megabytes that an image may have before compression",
    "20000",
    whole(1, 1_000_000),
  ),
  fromSource: setting(
    "FIRN_BUILD_FROM_SOURCE",
    "`allowed`: what no binary cache has is built here; `never`: it is refused, and nothing is compiled",
    "allowed",
    oneOf<FromSource>("allowed", "never"),
  ),
} as const;
