import { arch } from "node:os";
import { resolve } from "node:path";
import { everywherePackages, shellPackages } from "../core/image.ts";
import { createLog } from "../core/local/log.ts";
import { messageOf } from "../core/log.ts";
import { packageSetId, selectRevision, withPlaces } from "../core/package-set.ts";
import { readSettings } from "../core/setting.ts";
import { workerSettings } from "../core/settings.ts";
import { prepareNix } from "./prepare-nix.ts";

const { packageSet, nixpkgsRepository, nixpkgsTarball, allowUnfree } = workerSettings;
const { buildMinutes, nixConfig, data } = workerSettings;
const places = { nixpkgsRepository, nixpkgsTarball };
const seedSettings = { packageSet, ...places, allowUnfree, buildMinutes, nixConfig, data } as const;

/**
 * Run while the worker's image is made: puts into the Nix store what every worker would begin with fetching and
 * building. That is the source of a package set, and what a shell is made of.
 */
async function main(): Promise<void> {
  const settings = readSettings(seedSettings, process.env);
  const log = createLog("text", "info");
  const { signal } = new AbortController();
  const set = withPlaces(settings.packageSet, settings);
  const options = { ...settings, data: resolve(settings.data), environment: process.env, log };
  await using prepared = await prepareNix(options, signal);
  const nix = prepared.nixFor(set);
  await prepared.tellSandbox(set);

  const selection = selectRevision(set, "latest");
  const pinned =
    selection.kind === "revision"
      ? ({ state: "pinned", revision: selection.revision } as const)
      : await nix.pin(selection.reference, signal);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: packageSetId(set), revision: pinned.revision };
  const architecture = arch() === "arm64" ? "arm64" : "amd64";
  const optional = [...shellPackages, ...everywherePackages];
  const found = await nix.evaluate({ pin, architecture, packages: [], optional }, signal);
  if (found.state !== "evaluated") throw new Error(`the package set is ${found.state}`);
  const { packages } = found;
  const timeoutMs = settings.buildMinutes * 60_000;
  const root = "seed";
  const onProgress = () => undefined;
  const realised = await nix.realise({ packages, root, timeoutMs, onProgress }, signal);
  if (realised.state !== "realised") throw new Error(JSON.stringify(realised));
  log("INFO", `the store has ${packages.map(({ name }) => name).join(", ")}`, pin);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
