import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The licences of packages, which have to go with every copy of them, one text after the other. Packages are folders
 * below `root`. Throws an Error that names one which says nothing of its licence.
 */
export async function licencesOf(root: string, packages: readonly string[]): Promise<string> {
  const parts = await Promise.all(packages.map(async (folder) => await partOf(join(root, folder))));
  return parts.join(`\n${"=".repeat(100)}\n\n`);
}

async function partOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, "package.json"), "utf8");
  const { name, version, license } = JSON.parse(text) as Manifest;
  const files = (await readdir(folder)).filter((file) =>
    /^(?:licen[cs]e|notice|copying)/i.test(file),
  );
  if (license === undefined && files.length === 0) {
    throw new Error(`${name} ${version} says nothing of its licence`);
  }
  const texts = await Promise.all(
    files.sort().map(async (file) => await readFile(join(folder, file), "utf8")),
  );
  return [`${name} ${version}: ${license ?? "see below"}\n`, ...texts].join("\n");
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}
