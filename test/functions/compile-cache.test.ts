import { lstat, readdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const source = resolve(import.meta.dirname, "../../functions/compile-cache.ts");

/** A folder with a module that opens its cache and loads another; `start` answers what Node says of that one. */
async function cachedModule(folder: string) {
  await writeFile(join(folder, "late.mjs"), "export const late = () => 1;\nlate();\n");
  await writeFile(
    join(folder, "main.mjs"),
    `import { openCompileCache } from ${JSON.stringify(source)};
openCompileCache(${JSON.stringify(join(folder, "cache"))});
await import("./late.mjs");
`,
  );
  return async () => {
    const env = { NODE_DEBUG_NATIVE: "COMPILE_CACHE", NODE_COMPILE_CACHE: undefined };
    const { all } = await program(process.execPath, [join(folder, "main.mjs")], { env });
    return all.split("\n").filter((line) => line.includes("late.mjs"));
  };
}

it.each([
  ["is used by the same Node on another processor, or as another user", "", true],
  ["of another Node is left alone", "v23.0.0-", false],
])("a compile cache that was baked elsewhere %s", async (_title, prefix, isUsed) => {
  await using folder = await temporaryFolder();
  const start = await cachedModule(folder.path);
  const cache = join(folder.path, "cache");
  await start();
  const [name = ""] = await readdir(cache);
  const baked = `${prefix}${name.replace(/[0-9a-f]+-\d+$/, "0badcafe-4711")}`;
  await rename(join(cache, name), join(cache, baked));

  const said = await start();
  expect(said.some((line) => line.includes("was accepted"))).toBe(isUsed);
  expect((await lstat(join(cache, name))).isSymbolicLink()).toBe(isUsed);
});

it("a cache that cannot be opened stops nothing", async () => {
  await using folder = await temporaryFolder();
  const start = await cachedModule(folder.path);
  await writeFile(join(folder.path, "cache"), "a file where the folder should be");
  const said = await start();
  expect(said.filter((line) => line.includes("was accepted"))).toEqual([]);
});
