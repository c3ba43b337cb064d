import { join, resolve } from "node:path";
import { parsePackageSet } from "../../core/package-set.ts";
import type { Nix } from "../../core/ports.ts";
import { createNix } from "../../worker/nix.ts";
import { createRun } from "../../worker/run.ts";
import { fixturePackageSet } from "./package-set.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What the fixture's builders need of Nix: the machine's own /bin/sh, and nobody to ask. */
const config = [
  "substituters =",
  "sandbox = false",
  ...(process.getuid?.() === 0 ? ["build-users-group ="] : []),
];

/** The real Nix of this machine, serving a package set: a folder, or as FIRN_PACKAGE_SET says it. */
export async function realNix(
  packageSet: string = fixturePackageSet,
  allowUnfree = false,
  survey: Parameters<typeof createNix>[0]["survey"] = {},
  more: Pick<Parameters<typeof createNix>[0], "rules" | "bounds"> = {},
): Promise<AsyncDisposable & { readonly nix: Nix; readonly roots: string }> {
  const folder = await temporaryFolder();
  const environment = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? folder.path };
  const roots = join(folder.path, "roots");
  const nix = createNix({
    run: createRun(environment),
    config: async () => config.join("\n"),
    expressions: resolve(import.meta.dirname, "../../nix"),
    packageSet: parsePackageSet(packageSet),
    log: () => undefined,
    roots,
    allowUnfree,
    survey,
    ...more,
  });
  return { nix, roots, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
