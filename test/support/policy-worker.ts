import { join } from "node:path";
import { anythingGoes, type WorkerPolicy } from "../../core/build-policy.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import { parsePackageSet } from "../../core/package-set.ts";
import type { Nix } from "../../core/ports.ts";
import type { Settlement } from "../../core/record.ts";
import { createBuild } from "../../worker/build.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { prepareNix } from "../../worker/prepare-nix.ts";
import { buildOf, options } from "./builds.ts";
import { program } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const never = new AbortController().signal;

/** Builds images of a folder of packages with this machine's Nix, put together as a worker is. */
export async function policyWorker(
  packageSet: string,
  more: Partial<WorkerPolicy> & {
    readonly cache?: string;
    readonly requireSigs?: boolean;
    readonly importFromDerivation?: boolean;
    readonly around?: (nix: Nix) => Nix;
  },
) {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const { cache = "", requireSigs = false, importFromDerivation = false, ...rest } = more;
  const { around = (nix: Nix) => nix, ...policy } = rest;
  const prepared = await prepareNix(
    {
      environment: process.env,
      data: folder.path,
      nixConfig: `substituters = ${cache}; require-sigs = ${requireSigs}`,
      sandbox: "off",
      importFromDerivation,
      allowUnfree: false,
      log: () => undefined,
      ...(policy.fromSource && { fromSource: policy.fromSource }),
    },
    never,
  );
  const nix = around(prepared.nixFor(parsePackageSet(packageSet)));
  const pinned = await nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const database = resources.use(openDatabase(folder.path));
  const build = createBuild({
    nix,
    blobs: createLocalBlobStore(folder.path),
    layers: createLocalLayerCache(database),
    options,
    policy: { ...anythingGoes, ...policy },
    popularity: noPopularity,
    timeLimitMs: 60_000,
    log: () => undefined,
  });
  const kept = resources.move();
  return {
    /** Why an image is refused; throws where it is not, or has failed for another reason. */
    async refusalOf(name: string): Promise<string> {
      const settlement = await this.settle(name);
      if (settlement.state === "failed" && settlement.failure.reason === "not-allowed") {
        return settlement.failure.message;
      }
      throw new Error(`${name} was not refused: ${JSON.stringify(settlement)}`);
    },
    settle: async (name: string): Promise<Settlement> =>
      await build(
        buildOf(name, { packageSet: "path", revision: pinned.revision }),
        () => undefined,
        never,
      ),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

/** Has a package set's packages built and put into a binary cache in a folder; then the store is without them. */
export async function cacheOf(
  folder: string,
  nix: Nix,
  packages: readonly string[],
): Promise<string> {
  const pinned = await nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: "path", revision: pinned.revision };
  const question = { pin, architecture: "amd64" as const, packages, optional: [] };
  const evaluation = await nix.evaluate(question, never);
  if (evaluation.state !== "evaluated") throw new Error(JSON.stringify(evaluation));
  const wanted = { packages: evaluation.packages, root: "cached", timeoutMs: 60_000 };
  const realised = await nix.realise({ ...wanted, onProgress: () => undefined }, never);
  if (realised.state !== "realised") throw new Error(JSON.stringify(realised));
  const paths = evaluation.packages.flatMap(({ outputs }) => outputs.map(({ path }) => path));
  const closure = await nix.closure(paths, never);
  await nix.release("cached");
  const url = `file://${join(folder, "cache")}`;
  const nixCommand = ["--extra-experimental-features", "nix-command"];
  await program("nix", [...nixCommand, "copy", "--to", url, ...paths]);
  await program("nix-store", ["--delete", ...closure.map(({ path }) => path)]);
  return url;
}
