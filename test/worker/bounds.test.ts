import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { strictRules } from "../../worker/evaluation-rules.ts";
import { CommandFailed, createRun } from "../../worker/run.ts";
import { need, needRoot } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { program } from "../support/program.ts";
import { processes } from "../support/processes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const run = createRun({ PATH: process.env["PATH"] ?? "" });
const never = new AbortController().signal;
const roomy = { memoryBytes: 1e9, processes: 1000 };

async function excessOf(script: string, bounds: Partial<typeof roomy>) {
  const command = { file: "sh", args: ["-c", script], bounds: { ...roomy, ...bounds } };
  const error: unknown = await run({ ...command, signal: never }).catch((each: unknown) => each);
  return error instanceof CommandFailed ? error.outcome.excess : undefined;
}

it("a program with too many children is stopped with all of them", async () => {
  const script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 3.1415 & done; wait";
  expect(await excessOf(script, { processes: 5 })).toEqual({ of: "processes", limit: 5 });
  expect(processes().filter(({ command }) => command === "sleep 3.1415")).toEqual([]);
  expect(await excessOf("sleep 0.5 & sleep 0.5 & wait", { processes: 5 })).toBeUndefined();
});

it("children that take too much memory together are stopped", async () => {
  const one = "(head -c 40000000 /dev/zero; sleep 2) | tail -n 1 >/dev/null &";
  const hold = `${one} ${one} ${one} wait`;
  expect(await excessOf(hold, { memoryBytes: 90e6 })).toEqual({ of: "memory", limitBytes: 90e6 });
  expect(await excessOf(hold, { memoryBytes: 300e6 })).toBeUndefined();
});

async function packageSet(folder: string, script: string): Promise<string> {
  const path = join(folder, "set");
  await mkdir(path);
  const text = `{ system, ... }: rec {
    fills = derivation {
      name = "fills-1.0"; inherit system; builder = "/bin/sh";
      args = [ "-c" "PATH=/bin:/usr/bin # ${folder}\n${script}" ];
    } // { type = "derivation"; };
    imports = fills // { name = builtins.readFile fills; };
  }`;
  await writeFile(join(path, "default.nix"), text);
  return path;
}

async function evaluated(real: Awaited<ReturnType<typeof realNix>>, name: string) {
  const pinned = await real.nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: "path", revision: pinned.revision };
  const question = { pin, architecture: "amd64", packages: [name], optional: [] } as const;
  return await real.nix.evaluate(question, never);
}

beforeEach((context) => need(context, "nix-store"));

it("a build that fills the disk is stopped while others still have room", async (context) => {
  needRoot(context);
  await using folder = await temporaryFolder();
  const disk = join(folder.path, "disk");
  await mkdir(disk);
  await program("mount", ["-t", "tmpfs", "-o", "size=100m", "tmpfs", disk]);
  try {
    const script = `i=0; while :; do head -c 1000000 /dev/zero >> ${disk}/it; sleep 0.01; done`;
    const bounds = { ...roomy, disk: { folder: disk, freeBytes: 50e6 } };
    const set = await packageSet(folder.path, script);
    await using real = await realNix(set, false, {}, { bounds });
    const evaluation = await evaluated(real, "fills");
    if (evaluation.state !== "evaluated") throw new Error(evaluation.state);
    const { packages } = evaluation;
    const onProgress = () => undefined;
    const wanted = { packages, root: "fills", timeoutMs: 60_000, onProgress };
    expect(await real.nix.realise(wanted, never)).toMatchObject({
      state: "build-failed",
      message: "the build of fills-1.0 was stopped: less than 5 MB of the disk were left",
    });
  } finally {
    await program("umount", ["--lazy", disk]);
  }
}, 90_000);

it("imports from derivations are for those who allow them", async () => {
  await using folder = await temporaryFolder();
  const set = await packageSet(folder.path, "echo -n imported-2.0 > $out");
  await using strict = await realNix(set);
  expect(await evaluated(strict, "imports")).toMatchObject({ state: "evaluation-failed" });
  const rules = { ...strictRules, importFromDerivation: true };
  await using open = await realNix(set, false, {}, { rules });
  expect(await evaluated(open, "imports")).toMatchObject({
    state: "evaluated",
    packages: [{ name: "imported", version: "2.0" }],
  });
});
