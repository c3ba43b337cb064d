import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { bakeCache } from "./bake-cache.ts";
import { builtinsByRequire } from "./builtins.ts";
import { lockedClosure, type LockFile } from "./bundled-packages.ts";
import { licencesOf } from "./licences.ts";

const root = join(import.meta.dirname, "../..");
const framework = "@google-cloud/functions-framework";

/**
 * Writes the folder that is deployed as Google Cloud's functions:
 *
 *     index.js, chunks/      the functions, and each of Google's clients apart, which is loaded when it is first needed
 *     package.json           the one package that is not in them, and the lock file with all that it needs
 *     compile-cache/         what V8 made of all this; bake.js makes it anew where Node is another one
 *     LICENSE, LICENSES.txt  firn's, and those of what was bundled
 *
 * The folder is emptied first where a bundle was in it before; throws an Error where there is anything else.
 */
export async function bundleFunctions(outFolder: string): Promise<void> {
  await writeBundle(outFolder);
  await bakeCache(root, outFolder);
}

/**
 * The same without the compile cache, and to the byte the same for the same sources. Another `entry`, from the root of
 * the repository, is for benchmarks.
 */
export async function writeBundle(
  outFolder: string,
  entry = "functions/bundled.ts",
): Promise<void> {
  await empty(outFolder);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      index: entry,
      bake: "infra/google/bake.ts",
      // A thread is started by the name of its file, from the chunk that checks passwords.
      "chunks/password-thread": "functions/password-thread.ts",
    },
    outdir: outFolder,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Bundled, it would be another one than that which is started, and know none of the functions.
    external: [framework],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    plugins: [builtinsByRequire],
    metafile: true,
    banner: { js: banner },
    logLevel: "warning",
  });
  await writeManifests(outFolder);
  await cp(join(root, "LICENSE"), join(outFolder, "LICENSE"));
  const packages = bundledPackages(metafile);
  await writeFile(join(outFolder, "LICENSES.txt"), await licencesOf(root, packages));
}

// CommonJS packages ask for these three.
const banner = [
  `import{createRequire as firnRequire}from"node:module";`,
  `const require=firnRequire(import.meta.url),`,
  `__filename=import.meta.filename,__dirname=import.meta.dirname;`,
].join("");

const name = "firn-functions";

async function empty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder);
  if (names.length === 0) return;
  const manifest = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  if ((JSON.parse(manifest) as { name?: string }).name !== name) {
    throw new Error(
      `${folder} is neither empty nor a bundle of the functions: name another folder`,
    );
  }
  await Promise.all(names.map((each) => rm(join(folder, each), { recursive: true })));
}

async function writeManifests(folder: string): Promise<void> {
  const read = async (file: string) =>
    JSON.parse(await readFile(join(root, file), "utf8")) as never;
  const { version, license, dependencies }: Manifest = await read("package.json");
  const lock: LockFile = await read("package-lock.json");
  const needed = { [framework]: dependencies[framework] ?? "" };
  const common = { name, version, license, dependencies: needed, engines: { node: "24.x" } };
  const manifest = {
    ...common,
    private: true,
    type: "module",
    main: "index.js",
    // Google's buildpack runs this after `npm ci`. A function without a cache is better than none.
    scripts: { "gcp-build": "node bake.js || true" },
  };
  const packages = { "": common, ...lockedClosure(lock, [framework]) };
  const locked = { name, version, lockfileVersion: 3, requires: true, packages };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(folder, "package-lock.json"), `${JSON.stringify(locked, null, 2)}\n`);
}

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The folders of the packages that a bundle has anything of, from the root of the repository. */
function bundledPackages(metafile: Metafile): readonly string[] {
  const folders = Object.keys(metafile.inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}
