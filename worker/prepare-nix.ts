import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { FromSource } from "../core/build-policy.ts";
import type { PackageSet } from "../core/package-set.ts";
import type { Nix } from "../core/ports.ts";
import type { Log } from "../core/log.ts";
import { hasProxy, inheritedEnvironment, type Environment } from "./environment.ts";
import type { Keep } from "./keep.ts";
import { createNix, type NixAdapterTools } from "./nix.ts";
import { createNixConfig } from "./nix-config.ts";
import { createRun } from "./run.ts";
import type { SandboxRule } from "./sandbox.ts";

export interface NixOptions {
  readonly environment: Environment;
  /** Holds the roots of what Nix may not collect. */
  readonly data: string;
  /** Lines of nix.conf, separated by `;`. */
  readonly nixConfig: string | undefined;
  /** As far as builds can be sandboxed, if not said. */
  readonly sandbox?: SandboxRule;
  readonly allowUnfree: boolean;
  /** Whether what no binary cache has is built; it is, if not said. */
  readonly fromSource?: FromSource;
  readonly log: Log;
  /** Keeps what builds need, where something is removed from the store; what former processes protected is then kept, too. */
  readonly keep?: Keep | undefined;
  /** How package sets are surveyed, where it is not as Nix is set. */
  readonly survey?: NixAdapterTools["survey"];
}

/** How Nix works on this machine. */
export interface PreparedNix {
  /** The Nix of a package set. Throws where its builds have to be sandboxed and cannot be, or may not take place. */
  readonly nixFor: (packageSet: PackageSet) => Nix;
  /** Says whether builds of a package set are sandboxed. */
  readonly tellSandbox: (packageSet: PackageSet) => void;
}

const expressions = resolve(import.meta.dirname, "../nix");

/**
 * Finds out how Nix works on this machine, where it has to be installed. Rejects where a sandbox is required and
 * impossible.
 */
export async function prepareNix(options: NixOptions, signal: AbortSignal): Promise<PreparedNix> {
  const { environment, data, nixConfig, allowUnfree, log, keep, survey = {} } = options;
  const { sandbox: rule = "auto", fromSource = "allowed" } = options;
  const run = createRun(inheritedEnvironment(environment));
  const isRoot = process.getuid?.() === 0;
  const further = (nixConfig ?? "").split(";").map((line) => line.trim());
  const configTools = {
    run,
    log,
    isRoot,
    hasProxy: hasProxy(environment),
    further,
    rule,
    fromSource,
  };
  const config = await createNixConfig(configTools, signal);
  const roots = join(data, "roots");
  // What a former process protected: its builds are taken up again, and protect it anew.
  if (keep === undefined) await rm(join(roots, "builds"), { recursive: true, force: true });
  return {
    nixFor(packageSet) {
      const needsHost = usesHost(packageSet);
      if (needsHost && rule === "required")
        throw new Error(`FIRN_SANDBOX is "required", and ${why}`);
      if (packageSet.kind === "starter" && fromSource === "never") throw new Error(allBuilt);
      const common = { run, config: () => config.lines(needsHost), expressions, log };
      const silentCaches = config.silent;
      const kept = keep && { keepSource: keep.keepSource };
      const nix = createNix({
        ...common,
        ...kept,
        silentCaches,
        roots,
        allowUnfree,
        packageSet,
        survey,
      });
      return keep?.around(nix) ?? nix;
    },
    tellSandbox(packageSet) {
      const sandbox = usesHost(packageSet)
        ? ({ state: "off", reason: why } as const)
        : config.sandbox;
      if (sandbox.state === "on") log("INFO", "builds are sandboxed", { sandbox: "on" });
      else log("WARNING", `builds are not sandboxed: ${sandbox.reason}`, { sandbox: "off" });
    },
  };
}

function usesHost({ kind }: PackageSet): boolean {
  return kind === "starter";
}

const why = "the starter set's builders use this machine's own programs, which a sandbox hides";
const allBuilt =
  'FIRN_BUILD_FROM_SOURCE is "never", and all of the starter set is built here, out of Debian packages: choose a FIRN_PACKAGE_SET that is in a binary cache, such as nixpkgs:nixos-unstable';
