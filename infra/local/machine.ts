import type { Log } from "../../core/log.ts";
import type { PackageSet } from "../../core/package-set.ts";
import type { Nix, Pins } from "../../core/ports.ts";
import type { LocalSettings } from "../../core/settings.ts";
import { inheritedEnvironment, type Environment } from "../../worker/environment.ts";
import { prepareNix } from "../../worker/prepare-nix.ts";
import { createRun } from "../../worker/run.ts";
import { ensureInstalled, type Program } from "./install.ts";
import { choosePackageSet, configuredPackageSet } from "./package-set.ts";

/** Makes this machine ready to build: installs what is missing, finds out how Nix works here, chooses the package set. */
export async function prepareMachine(
  settings: LocalSettings,
  environment: Environment,
  { data, pins, log }: { readonly data: string; readonly pins: Pins; readonly log: Log },
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly packageSet: PackageSet; readonly nix: Nix }> {
  const run = createRun(inheritedEnvironment(environment));
  const isRoot = process.getuid?.() === 0;
  const install = { run, log, isRoot, path: environment["PATH"] ?? "" };
  const chosen = configuredPackageSet(settings);
  await ensureInstalled(install, programsFor(chosen), signal);
  await using opened = new AsyncDisposableStack();
  const { nixFor, tellSandbox } = opened.use(
    await prepareNix({ ...settings, environment, data, log }, signal),
  );
  const packageSet = chosen ?? (await choosePackageSet(settings, { pins, nixFor, log }, signal));
  await ensureInstalled(install, programsFor(packageSet), signal);
  const nix = nixFor(packageSet);
  await tellSandbox(packageSet);
  const resources = opened.move();
  return { packageSet, nix, [Symbol.asyncDispose]: () => resources.disposeAsync() };
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
