import { buildLimits } from "./policy-settings.ts";
import { oneOf, optional, setting, whole } from "./setting.ts";
import { isolation } from "./isolation-settings.ts";
import { sandbox } from "./store-settings.ts";

/** What makes gzip of layers on a worker; `auto` is igzip where it is there and sound. */
export type GzipProgram = "auto" | "igzip" | "zlib";

export const segmentsMb = (usual: string) =>
  setting(
    "FIRN_SEGMENTS_MB",
    "megabytes of compressed store paths that a worker keeps in its data folder, so that other layers with them need no compressing; 0 for none",
    usual,
    whole(0, 1_000_000),
  );

// How builds are made.
export const building = {
  gzip: setting(
    "FIRN_GZIP",
    "what makes gzip of layers: `igzip`, of Debian's package isal, 8 times as fast; `zlib`; or `auto`, igzip where it is installed and passes its test. Workers of one registry should have the same",
    "auto",
    oneOf<GzipProgram>("auto", "igzip", "zlib"),
  ),
  builds: setting("FIRN_BUILDS", "builds at the same time", "2", whole(1, 64)),
  prebuilds: setting(
    "FIRN_PREBUILDS",
    "builds at the same time that nobody waits for, beside the others",
    "1",
    whole(1, 64),
  ),
  buildMinutes: setting(
    "FIRN_BUILD_MINUTES",
    "how long Nix may take for one image",
    "30",
    whole(1, 1440),
  ),
  ...buildLimits,
  nixConfig: setting(
    "FIRN_NIX_CONFIG",
    "further lines of nix.conf, separated by `;`",
    "",
    optional,
  ),
  sandbox,
  ...isolation,
} as const;
