import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Log } from "../core/log.ts";
import type { DebianIndex } from "./debian-index.ts";
import { createIndexReader } from "./debian-index.ts";
import { addDebsToStore } from "./starter-debs.ts";
import { lockStarterSet } from "./starter-lock.ts";
import type { StarterMachine } from "./starter-lock.ts";
import { readStarterTable } from "./starter-table.ts";
import { CommandFailed } from "./run.ts";
import type { Command, Run } from "./run.ts";

/** How the starter set reaches the world: processes, and a log for its progress. */
export interface StarterTools {
  readonly run: Run;
  readonly log: Log;
}

const source = new URL("../nix/starter/", import.meta.url);
const nixFiles = ["default.nix", "debs.nix", "build.sh"];

/** Debian's word for an architecture -> Nix's for a platform. */
const systems: Readonly<Record<string, string>> = {
  amd64: "x86_64-linux",
  arm64: "aarch64-linux",
  armhf: "armv7l-linux",
  i386: "i686-linux",
  ppc64el: "powerpc64le-linux",
  riscv64: "riscv64-linux",
  s390x: "s390x-linux",
};

/**
 * Writes the starter set, a Nix package set made of this machine's Debian release, into an empty folder, and
 * sees to it that what it is made of is in the Nix store. The same apt lists give the same files. Needs the network
 * only for what is not there yet.
 */
export async function writeStarterSet(
  tools: StarterTools,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const release = await readRelease();
  const architecture = await readFirstLine(tools, "dpkg", ["--print-architecture"], signal);
  const system = systems[architecture];
  if (system === undefined) throw new Error(`Nix has no platform for Debian's ${architecture}`);
  const [patchelf, dpkg] = await Promise.all([
    readFirstLine(tools, "patchelf", ["--version"], signal),
    readFirstLine(tools, "dpkg-deb", ["--version"], signal),
  ]);
  const machine: StarterMachine = { system, release, tools: { patchelf } };
  tools.log("DEBUG", `unpacking Debian packages with ${dpkg}`);

  const index = await readIndexOrUpdate(tools, architecture, signal);
  const table = await readStarterTable(new URL("packages.json", source));
  const lock = lockStarterSet(table, index, machine);
  for (const attribute of Object.keys(table.packages)) {
    if (lock.attributes[attribute] === undefined)
      tools.log("WARNING", `${release} has no Debian package for ${attribute}: it is left out`);
  }
  await Promise.all([
    writeFile(path.join(folder, "lock.json"), `${JSON.stringify(lock, undefined, 1)}\n`),
    ...nixFiles.map((name) => copyFile(new URL(name, source), path.join(folder, name))),
  ]);
  await addDebsToStore(tools, folder, lock, signal);
}

async function readRelease(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, "m").exec(text)?.[1] ?? "";
  const release = `${value("ID")} ${value("VERSION_ID")}`.trim();
  if ([value("ID"), ...value("ID_LIKE").split(" ")].includes("debian")) return release;
  throw new Error(
    `the starter set is made of Debian packages, and this machine runs ${release || "something else"}`,
  );
}

async function readIndexOrUpdate(
  tools: StarterTools,
  architecture: string,
  signal: AbortSignal,
): Promise<DebianIndex> {
  const index = await readIndex(tools, architecture, signal);
  if (index.packages.has("libc6")) return index;
  if (process.getuid?.() !== 0)
    throw new Error("apt knows no packages yet: run apt-get update as root");
  tools.log("INFO", "apt knows no packages yet: updating its lists");
  await runDebian(tools, { file: "apt-get", args: ["update"], signal });
  return readIndex(tools, architecture, signal);
}

async function readIndex(
  tools: StarterTools,
  architecture: string,
  signal: AbortSignal,
): Promise<DebianIndex> {
  const { take, end } = createIndexReader(architecture);
  const command = { file: "apt-cache", args: ["dumpavail"], onOutputLine: take, signal };
  await runDebian(tools, command);
  return end();
}

async function readFirstLine(
  tools: StarterTools,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await runDebian(tools, { file, args, signal });
  return stdout.split("\n", 1)[0] ?? "";
}

/** Runs a program and, if it is missing, says which Debian package has it. */
async function runDebian(tools: StarterTools, command: Command): ReturnType<Run> {
  try {
    return await tools.run(command);
  } catch (error) {
    if (!(error instanceof CommandFailed && error.outcome.missing)) throw error;
    const debian = { "dpkg-deb": "dpkg", "apt-get": "apt", "apt-cache": "apt" }[command.file];
    throw new Error(
      `the starter set needs ${command.file}: install the Debian package ${debian ?? command.file}`,
      { cause: error },
    );
  }
}
