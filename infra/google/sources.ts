import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sources } from "./deployment.ts";

const root = join(import.meta.dirname, "../..");
// What each is made from. The lock file decides what else is in it.
const common = ["core", "package.json", "package-lock.json"];
const functions = [...common, "functions", "infra/google/bundle.ts"];
const worker = [...common, "worker", "nix", ".dockerignore", "infra/google/worker-build.yaml"];

/** Hashes of what functions and worker are made from: a tree that did not change is neither built nor deployed. */
export async function readSources(): Promise<Sources> {
  return { functions: await hashOf(functions), worker: await hashOf(worker) };
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of await filesIn(path)) {
      const content = await readFile(join(root, file));
      hash.update(`${JSON.stringify(file)} ${content.length}\n`).update(content);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

// A path that is not there has no files.
async function filesIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
      .sort();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOTDIR") return [path];
    if (code === "ENOENT") return [];
    throw error;
  }
}
