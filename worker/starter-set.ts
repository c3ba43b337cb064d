import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DebianIndex } from "./debian-index.ts";
import { createIndexReader } from "./debian-index.ts";
import { readFirstLine, runDebian, type StarterTools } from "./debian-tools.ts";
import { foreignLists, type ForeignLists } from "./foreign-lists.ts";
import { addDebsToStore } from "./starter-debs.ts";
import { lockStarterSet } from "./starter-lock.ts";
import type { StarterLock, StarterMachine } from "./starter-lock.ts";
import { readStarterTable, type StarterTable } from "./starter-table.ts";

const source = new URL("../nix/starter/", import.meta.url);
/** The parts of a starter set, in its folder. */
export const nixFiles = ["default.nix", "debs.nix", "build.sh", "download.sh"];
export const tableFile = "packages.json";
export const foreignFile = "foreign.json";
/** Architectures of images; a machine makes packages for those that are not its own, too. */
const offered = ["amd64", "arm64"];

/** Debian's word for an architecture -> Nix's for a platform. */
export const systems: Readonly<Record<string, string>> = {
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
 * only for what is not there yet. Of other architectures it holds which lists they have, for `writeForeignSet`.
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
  const table = await readStarterTable(new URL(tableFile, source));
  const lock = lockStarterSet(table, index, machine);
  warnOfMissing(tools, table, lock);
  const others = offered.filter((other) => other !== architecture);
  const foreign: Record<string, ForeignLists> = {};
  for (const other of others) foreign[other] = await foreignLists(tools, other, signal);
  await Promise.all([
    writeJson(path.join(folder, "lock.json"), lock),
    writeJson(path.join(folder, foreignFile), foreign),
    ...[...nixFiles, tableFile].map((name) =>
      copyFile(new URL(name, source), path.join(folder, name)),
    ),
  ]);
  await addDebsToStore(tools, folder, lock, signal);
}

/** Says which packages of the table a release does not have. */
export function warnOfMissing(tools: StarterTools, table: StarterTable, lock: StarterLock): void {
  for (const attribute of Object.keys(table.packages)) {
    if (lock.attributes[attribute] === undefined)
      tools.log(
        "WARNING",
        `${lock.release} has no Debian package for ${attribute}, ${lock.system}: it is left out`,
      );
  }
}

/** Writes a document of a starter set. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, undefined, 1)}\n`);
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

/** Reads apt's lists; `options` are for another architecture's. */
export async function readIndex(
  tools: StarterTools,
  architecture: string,
  signal: AbortSignal,
  options: readonly string[] = [],
): Promise<DebianIndex> {
  const { take, end } = createIndexReader(architecture);
  const args = [...options, "dumpavail"];
  const command = { file: "apt-cache", args, onOutputLine: take, signal };
  await runDebian(tools, command);
  return end();
}
