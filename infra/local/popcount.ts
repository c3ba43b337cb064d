import { writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createLog } from "../../core/local/log.ts";
import { messageOf } from "../../core/log.ts";
import {
  describePackageSet,
  packageSetId,
  selectRevision,
  type PackageSet,
} from "../../core/package-set.ts";
import type { Nix } from "../../core/ports.ts";
import { readSettings } from "../../core/setting.ts";
import { localSettings } from "../../core/settings.ts";
import { countPackages } from "../../worker/popcount.ts";
import { prepareNix } from "../../worker/prepare-nix.ts";
import { configuredPackageSet } from "./package-set.ts";

const usage = `npm run popcount -- [--out <file>] [--platform amd64] [--cache <url>] ...

Counts in how many packages' closures each package of a package set is, and writes it as FIRN_POPULARITY reads it:

  FIRN_PACKAGE_SET=nixpkgs:nixos-25.11 npm run popcount -- --cache https://cache.nixos.org --out popularity.json

Nothing is built: what is not in this machine's Nix store is asked of the binary caches (http, https or file), or of those
that Nix is set to use. What they answer is kept in the data folder: whoever is interrupted goes on where it was. The
settings are those of npm start.`;

async function revisionOf(packageSet: PackageSet, nix: Nix, signal: AbortSignal): Promise<string> {
  const selection = selectRevision(packageSet, "latest");
  if (selection.kind === "revision") return selection.revision;
  const pinned = await nix.pin(selection.reference, signal);
  if (pinned.state === "pinned") return pinned.revision;
  throw new Error(pinned.message);
}

async function count(
  options: { readonly out?: string; readonly platform?: string; readonly cache?: string[] },
  signal: AbortSignal,
): Promise<void> {
  const settings = readSettings(localSettings, process.env);
  const packageSet = configuredPackageSet(settings);
  if (packageSet === undefined) {
    throw new Error("FIRN_PACKAGE_SET: say of which package set, such as nixpkgs:nixos-25.11");
  }
  const architecture = options.platform ?? (arch() === "arm64" ? "arm64" : "amd64");
  if (architecture !== "amd64" && architecture !== "arm64") {
    throw new Error(`--platform ${architecture}: use amd64 or arm64`);
  }
  const say = (message: string) => process.stderr.write(`${message}\n`);
  await using prepared = await prepareNix(
    {
      ...settings,
      environment: process.env,
      // The registry's own roots are its own to release.
      data: join(resolve(settings.data), "popcount"),
      log: createLog("text", "warning"),
      survey: { caches: options.cache, onProgress: say },
    },
    signal,
  );
  const nix = prepared.nixFor(packageSet);
  const revision = await revisionOf(packageSet, nix, signal);
  say(`counting the packages of ${describePackageSet(packageSet)}, revision ${revision}`);
  const pin = { packageSet: packageSetId(packageSet), revision };
  const survey = await nix.survey(pin, architecture, signal);
  const text = `${JSON.stringify(countPackages(survey), undefined, 1)}\n`;
  const known = new Set(survey.paths.map(({ path }) => path));
  const counted = survey.packages.filter(({ outputs }) => outputs.every((path) => known.has(path)));
  say(
    `counted ${counted.length} of ${survey.packages.length} packages: of the others nothing is known`,
  );
  if (options.out === undefined) process.stdout.write(text);
  else await writeFile(options.out, text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      out: { type: "string" },
      platform: { type: "string" },
      cache: { type: "string", multiple: true },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted: run it again to go on")));
  await count(values, interrupted.signal);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
