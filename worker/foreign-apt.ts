import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../core/log.ts";
import { runDebian, type StarterTools } from "./debian-tools.ts";
import { foreignOptions, type ForeignList, type ForeignLists } from "./foreign-lists.ts";

// apt's own downloader, with apt's proxies and credentials; it compares the checksum.
const helper = "/usr/lib/apt/apt-helper";

/**
 * Makes apt's state for another architecture in an empty folder, with the lists that were recorded and nothing
 * installed. Gives the options that have apt work in it.
 */
export async function prepareForeignApt(
  tools: StarterTools,
  folder: string,
  architecture: string,
  { lists, releases }: ForeignLists,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const at = (...names: readonly string[]) => join(folder, ...names);
  await Promise.all([
    mkdir(at("lists", "partial"), { recursive: true }),
    mkdir(at("cache", "archives", "partial"), { recursive: true }),
    writeFile(at("status"), ""),
  ]);
  for (const [name, text] of Object.entries(releases)) await writeFile(at("lists", name), text);
  await Promise.all(
    lists.map(async (list) => {
      const packed = at(list.file + list.compression);
      await download(tools, list, packed, signal);
      // apt jumps about in a list, and did so in a compressed one for 25 seconds.
      const args = ["cat-file", packed];
      const { stdout } = await runDebian(tools, { file: helper, args, signal });
      await writeFile(at("lists", list.file), `${stdout}\n\n`);
    }),
  );
  const settings = {
    "Dir::State": folder,
    "Dir::State::lists": at("lists"),
    "Dir::State::status": at("status"),
    "Dir::Cache": at("cache"),
    // The checksums come from release files that the machine's apt has found well signed.
    "APT::Get::AllowUnauthenticated": "true",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return [...foreignOptions(architecture), ...options];
}

async function download(
  tools: StarterTools,
  list: ForeignList,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const failures: string[] = [];
  for (const url of list.urls) {
    const args = [
      "-qq",
      "-o",
      "APT::Sandbox::User=root",
      "download-file",
      url,
      to,
      `SHA256:${list.sha256}`,
    ];
    try {
      await runDebian(tools, { file: helper, args, signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      failures.push(`${url}: ${messageOf(error)}`);
    }
  }
  throw new Error(
    `apt could not download a package list that this revision is made of (if it is no longer there, apt-get update gives latest a new revision): ${failures.join("; ")}`,
  );
}
