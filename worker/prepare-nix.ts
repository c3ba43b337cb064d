import { access, constants, rm } from "node:fs/promises";
import { totalmem } from "node:os";
import { join, resolve } from "node:path";
import type { FromSource } from "../core/build-policy.ts";
import { isolation, type IsolationSettings } from "../core/isolation-settings.ts";
import { readSettings } from "../core/setting.ts";
import type { PackageSet } from "../core/package-set.ts";
import type { Nix } from "../core/ports.ts";
import type { Log } from "../core/log.ts";
import type { Confine } from "./cell.ts";
import {
  gitCredentialEnvironment,
  hasProxy,
  inheritedEnvironment,
  withoutKeys,
  type Environment,
} from "./environment.ts";
import { rulesOf } from "./evaluation-rules.ts";
import type { Keep } from "./keep.ts";
import { findIsolation, tellIsolation, type Isolation } from "./isolation.ts";
import { createNix, type NixAdapterTools } from "./nix.ts";
import { createNixConfig } from "./nix-config.ts";
import { createRun } from "./run.ts";
import type { SandboxRule } from "./sandbox.ts";
import type { Bounds } from "./watch.ts";

export interface NixOptions extends Partial<IsolationSettings> {
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
export interface PreparedNix extends AsyncDisposable {
  /** The Nix of a package set. Throws where its builds have to be sandboxed and cannot be, or may not take place. */
  readonly nixFor: (packageSet: PackageSet) => Nix;
  /** Says whether builds of a package set are sandboxed and isolated. */
  readonly tellSandbox: (packageSet: PackageSet) => Promise<void>;
}

const expressions = resolve(import.meta.dirname, "../nix");

/**
 * Finds out how Nix works on this machine, where it has to be installed. Rejects where a sandbox is required and
 * impossible.
 */
export async function prepareNix(options: NixOptions, signal: AbortSignal): Promise<PreparedNix> {
  const { environment, data, nixConfig, allowUnfree, log, keep, survey = {} } = options;
  const { sandbox: rule = "auto", fromSource = "allowed" } = options;
  const limits = { ...readSettings(isolation, {}), ...options };
  const inherited = inheritedEnvironment(environment);
  const run = createRun(withoutKeys(inherited));
  const { gitCredentials } = limits;
  if (gitCredentials !== undefined) await readable(gitCredentials);
  const fetch = createRun(
    gitCredentials === undefined
      ? inherited
      : { ...inherited, ...gitCredentialEnvironment(inherited, resolve(gitCredentials)) },
  );
  const isRoot = process.getuid?.() === 0;
  const isNever = fromSource === "never";
  // To import what a derivation makes, it would have to be built.
  const rules = rulesOf(isNever ? { ...limits, importFromDerivation: false } : limits);
  const bounds = boundsOf(limits);
  const logLine = `max-build-log-size = ${limits.buildLogMb * 1_000_000}`;
  const further = [logLine, ...(nixConfig ?? "").split(";").map((line) => line.trim())];
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
  const { needsNetwork, caches: exempt } = config;
  const isolationTools = { run, log, isRoot, needsNetwork, exempt, rule: limits.isolation };
  let finding: Promise<Isolation> | undefined;
  // It takes a process that stays, which a package set that uses this machine has nothing of.
  const isolated = () => (finding ??= findIsolation(isolationTools, signal));
  if (limits.isolation === "required") await isolated();
  const roots = join(data, "roots");
  // What a former process protected: its builds are taken up again, and protect it anew.
  if (keep === undefined) await rm(join(roots, "builds"), { recursive: true, force: true });
  return {
    nixFor(packageSet) {
      const needsHost = usesHost(packageSet);
      if (needsHost && rule === "required")
        throw new Error(`FIRN_SANDBOX is "required", and ${why}`);
      if (packageSet.kind === "starter" && isNever) throw new Error(allBuilt);
      if (needsHost && limits.isolation === "required")
        throw new Error(`FIRN_ISOLATION is "required", and ${why}`);
      const common = {
        run,
        fetch,
        config: () => config.lines(needsHost),
        expressions,
        rules,
        bounds,
        log,
      };
      const confine: Confine | undefined = needsHost
        ? undefined
        : async (...program) => await (await isolated()).confine(...program);
      const silentCaches = config.silent;
      const kept = keep && { keepSource: keep.keepSource };
      const nix = createNix({
        ...common,
        ...kept,
        silentCaches,
        confine,
        roots,
        allowUnfree,
        packageSet,
        survey,
      });
      return keep?.around(nix) ?? nix;
    },
    async tellSandbox(packageSet) {
      const sandbox = usesHost(packageSet)
        ? ({ state: "off", reason: why } as const)
        : config.sandbox;
      if (sandbox.state === "on") log("INFO", "builds are sandboxed", { sandbox: "on" });
      else log("WARNING", `builds are not sandboxed: ${sandbox.reason}`, { sandbox: "off" });
      if (!usesHost(packageSet)) tellIsolation(await isolated(), log);
    },
    async [Symbol.asyncDispose]() {
      // Where it could not be had, there is nothing to close.
      const found = await finding?.catch(() => undefined);
      await found?.cell?.[Symbol.asyncDispose]();
    },
  };
}

/** What builds for one image may take. */
function boundsOf({ buildMemoryMb, buildProcesses, diskReserveMb }: IsolationSettings): Bounds {
  const memoryBytes = buildMemoryMb === undefined ? 0.75 * memoryHere() : buildMemoryMb * 1e6;
  const disk = { folder: "/nix/store", freeBytes: diskReserveMb * 1e6 };
  return { memoryBytes, processes: buildProcesses, disk };
}

// Of the container, where it has less than the machine.
function memoryHere(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

async function readable(file: string): Promise<void> {
  await access(file, constants.R_OK).catch((cause: unknown) => {
    throw new Error(`FIRN_GIT_CREDENTIALS: the file ${file} cannot be read`, { cause });
  });
}

function usesHost({ kind }: PackageSet): boolean {
  return kind === "starter";
}

const why = "the starter set's builders use this machine's own programs, which a sandbox hides";
const allBuilt =
  'FIRN_BUILD_FROM_SOURCE is "never", and all of the starter set is built here, out of Debian packages: choose a FIRN_PACKAGE_SET that is in a binary cache, such as nixpkgs:nixos-unstable';
