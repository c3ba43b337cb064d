import { spawn } from "node:child_process";
import { delimiter, dirname, resolve } from "node:path";
import { bakeInstalled, installPackages } from "../../infra/google/bake-cache.ts";
import { bundleEnvironment } from "../../infra/google/bundle-environment.ts";
import { writeBundle } from "../../infra/google/bundle.ts";
import { follow, freePort, type FrameworkProcess } from "./framework.ts";

const root = resolve(import.meta.dirname, "../..");

/** A bundle with its compile cache and the packages beside it, as it is on Google Cloud after `npm ci`. */
export async function installBundle(folder: string, entry?: string): Promise<void> {
  await writeBundle(folder, entry);
  await installPackages(root, folder);
  await bakeInstalled(folder);
}

/** What the deployment tells functions of their compile cache, for a bundle that is at another place. */
export const bundleCacheIn = (folder: string) => ({
  ...bundleEnvironment,
  NODE_COMPILE_CACHE: bundleEnvironment.NODE_COMPILE_CACHE.replace("/workspace", folder),
});

/** Starts the function `target` of an installed bundle as Google's buildpack does, with nothing else in its reach. */
export async function startBundle(
  folder: string,
  target: string,
  env: Readonly<Record<string, string>>,
): Promise<FrameworkProcess> {
  const port = await freePort();
  const child = spawn("node_modules/.bin/functions-framework", [], {
    cwd: folder,
    env: {
      PATH: [dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter),
      FUNCTION_TARGET: target,
      PORT: String(port),
      // Whatever it would read elsewhere, such as packages of the repository, is an error.
      NODE_OPTIONS: [
        "--max-old-space-size=448",
        "--permission",
        `--allow-fs-read=${folder}`,
        `--allow-fs-write=${folder}`,
      ].join(" "),
      NODE_ENV: "production",
      ...bundleCacheIn(folder),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // In production the framework says nothing when it listens.
  return await follow(child, port, () =>
    fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false, // nobody listens yet
    ),
  );
}
