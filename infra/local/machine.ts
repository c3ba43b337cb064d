import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "../../core/log.ts";
import type { PackageSet } from "../../core/package-set.ts";
import type { Nix, Pins } from "../../core/ports.ts";
import type { LocalSettings } from "../../core/settings.ts";
import { createNix } from "../../worker/nix.ts";
import { createRun } from "../../worker/run.ts";
import { hasProxy, inheritedEnvironment, type Environment } from "./environment.ts";
import { ensureInstalled, type Program } from "./install.ts";
import { createNixConfig } from "./nix-config.ts";
import { choosePackageSet, configuredPackageSet } from "./package-set.ts";

const expressions = resolve(import.meta.dirname, "../../nix");

/** Makes this machine ready to build: installs what is missing, finds out how Nix works here, chooses the package set. */
export async function prepareMachine(
  settings: LocalSettings,
  environment: Environment,
  { data, pins, log }: { readonly data: string; readonly pins: Pins; readonly log: Log },
  signal: AbortSignal,
): Promise<{ readonly packageSet: PackageSet; readonly nix: Nix }> {
  const run = createRun(inheritedEnvironment(environment));
  const isRoot = process.getuid?.() === 0;
  const install = { run, log, isRoot, path: environment["PATH"] ?? "" };
  const chosen = configuredPackageSet(settings);
  await ensureInstalled(install, programsFor(chosen), signal);

  const further = (settings.nixConfig ?? "").split(";").map((line) => line.trim());
  const configTools = { run, log, isRoot, hasProxy: hasProxy(environment), further };
  const config = await createNixConfig(configTools, signal);
  const roots = join(data, "roots");
  // What a former process protected: its builds are taken up again, and protect it anew.
  await rm(join(roots, "builds"), { recursive: true, force: true });
  const { allowUnfree } = settings;
  const nixFor = (packageSet: PackageSet) => {
    const needsHost = packageSet.kind === "starter";
    const tools = { run, config: () => config(needsHost), expressions, log, roots, allowUnfree };
    return createNix({ ...tools, packageSet });
  };

  const packageSet = chosen ?? (await choosePackageSet(settings, { pins, nixFor, log }, signal));
  await ensureInstalled(install, programsFor(packageSet), signal);
  return { packageSet, nix: nixFor(packageSet) };
}

function programsFor(packageSet: PackageSet | undefined): readonly Program[] {
  switch (packageSet?.kind) {
    case "starter":
      return ["nix-store", "patchelf"];
    case "path":
      return ["nix-store"];
    case "git":
    case "nixpkgs":
    case undefined:
      return ["nix-store", "git"];
  }
}
