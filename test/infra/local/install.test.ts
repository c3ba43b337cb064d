import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ensureInstalled } from "../../../infra/local/install.ts";
import { createRun } from "../../../worker/run.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const never = new AbortController().signal;

async function writeProgram(folder: string, name: string, script = ""): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${script}`);
  await chmod(file, 0o755);
}

/** A machine whose programs are in one folder; its apt-get, where it has one, writes down what it was asked. */
async function machine(options: { readonly apt?: string; readonly isRoot?: boolean } = {}) {
  const folder = await temporaryFolder();
  const { path } = folder;
  const calls = join(path, "calls");
  await writeFile(calls, "");
  if (options.apt !== undefined) {
    await writeProgram(path, "apt-get", `echo "$@" >> ${calls}\n${options.apt}`);
  }
  const log: string[] = [];
  const tools = {
    run: createRun({ PATH: `${path}:/usr/bin:/bin` }),
    log: (_: string, message: string) => void log.push(message),
    path,
    isRoot: options.isRoot ?? true,
  };
  return {
    path,
    log,
    ensure: async (...programs: Parameters<typeof ensureInstalled>[1]) => {
      await ensureInstalled(tools, programs, never);
    },
    calls: async () => (await readFile(calls, "utf8")).trim().split("\n").filter(Boolean),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe("programs that firn needs", () => {
  it("are not touched where they are there", async () => {
    await using here = await machine({ apt: "" });
    await writeProgram(here.path, "nix-store");
    await here.ensure("nix-store");
    expect(await here.calls()).toEqual([]);
  });

  it("are installed from Debian's packages by root, in one go, and it is said", async () => {
    await using here = await machine({ apt: "" });
    await here.ensure("nix-store", "patchelf");
    expect((await here.calls()).at(-1)).toBe(
      "install --yes --no-install-recommends nix-bin patchelf ca-certificates",
    );
    expect(here.log).toContain("installing nix-bin, patchelf, ca-certificates with apt-get");
  });

  it("are asked for again with new package lists, since old ones name files that are gone", async () => {
    const once =
      'case "$1" in install) test -e "$0.failed" || { touch "$0.failed"; exit 100; };; esac';
    await using here = await machine({ apt: once });
    await here.ensure("nix-store");
    const calls = await here.calls();
    expect(calls.slice(-3).map((call) => call.split(" ")[0])).toEqual([
      "install",
      "update",
      "install",
    ]);
  });

  it("that cannot be installed end the start with what apt-get said", async () => {
    const failing =
      'case "$1" in install) echo "E: Unable to locate package nix-bin" >&2; exit 100;; esac';
    await using here = await machine({ apt: failing });
    await expect(here.ensure("nix-store")).rejects.toThrow(/Unable to locate package nix-bin/);
  });

  it.each([
    ["without apt-get", { isRoot: true }],
    ["as another user than root", { apt: "", isRoot: false }],
  ])("%s are named, with how to install them in two lines", async (_, options) => {
    await using here = await machine(options);
    await expect(here.ensure("nix-store", "git")).rejects.toThrow(
      /^Nix is not installed, .* as root: apt-get install nix-bin git\nElsewhere: sh <\(curl .*nixos.org[^\n]*$/,
    );
    expect(await here.calls()).toEqual([]);
  });
});
