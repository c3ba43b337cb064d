import { oneOf, optional, optionally, setting, whole } from "./setting.ts";

/** Whether what is built is kept from the machine it is built on. */
export const sandbox = setting(
  "FIRN_SANDBOX",
  "`auto`: builds are sandboxed where the machine can, and a warning says why where it cannot; `required`: nothing is built without; `off`",
  "auto",
  oneOf("auto", "required", "off"),
);

/** What the worker does with a Nix store that is its own. */
export const store = {
  seed: setting(
    "FIRN_SEED",
    "folder with a copy of `/nix`, from which a disk is filled that is mounted there and empty",
    "",
    optional,
  ),
  diskShare: setting(
    "FIRN_DISK_SHARE",
    "percent of the disk with `/nix` that may be in use before the worker removes what no build needs, used least lately first; for a store of its own alone; left out, nothing is removed",
    "",
    optionally(whole(1, 99)),
  ),
} as const;
