import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { PackageSet } from "../core/package-set.ts";
import type { Nix } from "../core/ports.ts";
import type { Log } from "../core/log.ts";
import { hasProxy, inheritedEnvironment, type Environment } from "./environment.ts";
import { createNix, type NixAdapterTools } from "./nix.ts";
import { createNixConfig } from "./nix-config.ts";
import { createRun } from "./run.ts";

export interface NixOptions {
  readonly environment: Environment;
  /** Holds the roots of what Nix may not collect. */
  readonly data: string;
  /** Lines of nix.conf, separated by `;`. */
  readonly nixConfig: string | undefined;
  readonly allowUnfree: boolean;
  readonly log: Log;
  /** How package sets are surveyed, where it is not as Nix is set. */
  readonly survey?: NixAdapterTools["survey"];
}

const expressions = resolve(import.meta.dirname, "../nix");

/** Finds out how Nix works on this machine, where it has to be installed; gives the Nix of a package set. */
export async function prepareNix(
  { environment, data, nixConfig, allowUnfree, log, survey = {} }: NixOptions,
  signal: AbortSignal,
): Promise<(packageSet: PackageSet) => Nix> {
  const run = createRun(inheritedEnvironment(environment));
  const isRoot = process.getuid?.() === 0;
  const further = (nixConfig ?? "").split(";").map((line) => line.trim());
  const configTools = { run, log, isRoot, hasProxy: hasProxy(environment), further };
  const config = await createNixConfig(configTools, signal);
  const roots = join(data, "roots");
  // What a former process protected: its builds are taken up again, and protect it anew.
  await rm(join(roots, "builds"), { recursive: true, force: true });
  return (packageSet) => {
    const needsHost = packageSet.kind === "starter";
    const common = { run, config: () => config(needsHost), expressions, log };
    return createNix({ ...common, roots, allowUnfree, packageSet, survey });
  };
}
