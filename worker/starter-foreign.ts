import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { StarterTools } from "./debian-tools.ts";
import { prepareForeignApt } from "./foreign-apt.ts";
import type { ForeignLists } from "./foreign-lists.ts";
import { addDebsToStore, withUrls } from "./starter-debs.ts";
import { lockStarterSet, type StarterLock } from "./starter-lock.ts";
import {
  foreignFile,
  nixFiles,
  readIndex,
  systems,
  tableFile,
  warnOfMissing,
  writeJson,
} from "./starter-set.ts";
import { readStarterTable } from "./starter-table.ts";

/** What a foreign set is made of: a starter set in the store, and its lists of the architecture. */
export interface ForeignSource {
  readonly set: string;
  readonly architecture: string;
  readonly lists: ForeignLists;
}

/**
 * The lists of another architecture that a starter set holds; undefined where it is the set's own architecture, and in
 * sets of a firn that knew no other.
 */
export async function readForeignLists(
  set: string,
  architecture: string,
): Promise<ForeignLists | undefined> {
  const text = await readFile(path.join(set, foreignFile), "utf8").catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "{}";
      throw error;
    },
  );
  // `writeStarterSet` wrote it.
  return (JSON.parse(text) as Readonly<Record<string, ForeignLists>>)[architecture];
}

/**
 * Writes the packages of another architecture, as a set of the same kind, into an empty folder. It is made of nothing
 * but the starter set `set` and the lists in it. The machine's own programs unpack and patch them; where a package's
 * recipe runs a program of the package, it is that of `set`, a copy of which comes along as `host`.
 */
export async function writeForeignSet(
  tools: StarterTools,
  { set, architecture, lists }: ForeignSource,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const own = JSON.parse(await readFile(path.join(set, "lock.json"), "utf8")) as StarterLock;
  const system = systems[architecture] ?? architecture;
  const { release, tools: versions } = own;
  const apt = await mkdtemp(path.join(tmpdir(), "firn-apt-"));
  try {
    tools.log("INFO", `reading the package lists of ${architecture}`);
    const options = await prepareForeignApt(tools, apt, architecture, lists, signal);
    const index = await readIndex(tools, architecture, signal, options);
    const table = await readStarterTable(path.join(set, tableFile));
    const machine = { system, host: own.system, release, tools: versions };
    const planned = lockStarterSet(table, index, machine);
    warnOfMissing(tools, table, planned);
    const lock = await withUrls(tools, planned, options, signal);
    await writeJson(path.join(folder, "lock.json"), lock);
    for (const name of nixFiles) await copyFile(path.join(set, name), path.join(folder, name));
    await mkdir(path.join(folder, "host"));
    for (const name of [...nixFiles, "lock.json"]) {
      await copyFile(path.join(set, name), path.join(folder, "host", name));
    }
    await addDebsToStore(tools, folder, lock, signal, options);
  } finally {
    await rm(apt, { recursive: true, force: true });
  }
}
