import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { extname, join } from "node:path";
import { createRun } from "../../worker/run.ts";
import type { LockFile } from "./bundled-packages.ts";

const program = "@google-cloud/functions-framework/build/src/main.js";
const loaded: ReadonlySet<string> = new Set([".js", ".cjs", ".mjs", ".json"]);

/**
 * Installs the packages of a bundle beside it out of those in the folder `root`, as `npm ci` would without a network:
 * what Node loads of them, at the same places, and the link that starts the framework.
 */
export async function installPackages(root: string, folder: string): Promise<void> {
  const lock = JSON.parse(await readFile(join(folder, "package-lock.json"), "utf8")) as LockFile;
  const paths = Object.keys(lock.packages).filter((path) => path !== "");
  for (const path of paths) {
    const from = join(root, path);
    await cp(from, join(folder, path), {
      recursive: true,
      filter: (file) => [...loaded, ""].includes(extname(file.slice(from.length))),
    });
  }
  const links = join(folder, "node_modules/.bin");
  await mkdir(links);
  await symlink(join("..", program), join(links, "functions-framework"));
}

/** Makes the compile cache of a bundle, with its packages beside it for as long as that takes. */
export async function bakeCache(root: string, folder: string): Promise<void> {
  await installPackages(root, folder);
  await bakeInstalled(folder);
  await rm(join(folder, "node_modules"), { recursive: true });
}

/** The same where the packages are there. */
export async function bakeInstalled(folder: string): Promise<void> {
  const run = createRun({ NODE_ENV: "production" });
  await run({
    file: process.execPath,
    args: ["bake.js"],
    cwd: folder,
    timeoutMs: 120_000,
    signal: new AbortController().signal,
  });
}
