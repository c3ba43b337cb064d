import { once } from "node:events";
import { createHash } from "node:crypto";
import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lockedClosure } from "../../../infra/google/bundled-packages.ts";
import { writeBundle } from "../../../infra/google/bundle.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";

const root = join(import.meta.dirname, "../../..");

async function digests(folder: string) {
  const names = await readdir(folder, { recursive: true });
  const found = names.sort().map(async (name) => {
    if ((await stat(join(folder, name))).isDirectory()) return name;
    const bytes = await readFile(join(folder, name));
    return `${name} ${createHash("sha256").update(bytes).digest("hex")}`;
  });
  return await Promise.all(found);
}

let folder: TemporaryFolder;
let one: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  one = join(folder.path, "deeper/one");
  await writeBundle(one);
}, 120_000);
afterAll(async () => await folder[Symbol.asyncDispose]());

it("the same sources are the same bundle, also where there was one before", async () => {
  const two = join(folder.path, "two");
  await cp(join(one, "package.json"), join(two, "package.json"));
  await writeFile(join(two, "old.js"), "");
  await writeBundle(two);
  expect(await digests(two)).toEqual(await digests(one));
}, 120_000);

it("the clients are apart, and the licences of all that is in it beside it", async () => {
  const chunks = (await readdir(join(one, "chunks"))).join(" ");
  const index = await readFile(join(one, "index.js"), "utf8");
  expect(index.length).toBeLessThan(20_000);
  expect(chunks).toMatch(/functions-\w+\.js/);
  const licences = await readFile(join(one, "LICENSES.txt"), "utf8");
  for (const name of ["@google-cloud/firestore", "@grpc/grpc-js", "pino", "lru-cache"]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: `, "m"));
  }
});

it("no part of it imports HTTP as a module, since that loads undici", async () => {
  const names = (await readdir(one, { recursive: true })).filter((name) => name.endsWith(".js"));
  const texts = await Promise.all(names.map((name) => readFile(join(one, name), "utf8")));
  const importing = names.filter((_, i) => /\bfrom ?"(?:node:)?https?"/.test(texts[i] ?? ""));
  expect(importing).toEqual([]);
  expect(texts.join("\n")).toContain('require("node:http")');
});

it("the thread that checks passwords lies beside the chunk that starts it", async () => {
  const chunks = join(one, "chunks");
  const texts = (await readdir(chunks)).map((name) => readFile(join(chunks, name), "utf8"));
  expect(
    (await Promise.all(texts)).filter((text) => text.includes("`password-thread${")),
  ).toHaveLength(1);
  expect(await readFile(join(one, "index.js"), "utf8")).not.toContain("password-thread");
  const thread = new Worker(join(chunks, "password-thread.js"));
  // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
  thread.postMessage({ password: "guess", hash: `$2b$04$${"a".repeat(53)}` });
  expect(await once(thread, "message")).toEqual([{ matches: false }]);
  await thread.terminate();
});

it("what it needs installed is pinned to what the tests ran with", async () => {
  const read = async (path: string) => JSON.parse(await readFile(path, "utf8")) as Manifest;
  const [ours, manifest] = [join(root, "package.json"), join(one, "package.json")];
  const name = "@google-cloud/functions-framework";
  const { dependencies } = await read(ours);
  expect((await read(manifest)).dependencies).toEqual({ [name]: dependencies[name] });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

it("a folder with anything else in it is left alone", async () => {
  await using other = await temporaryFolder();
  await writeFile(join(other.path, "thesis.txt"), "my only copy");
  await expect(writeBundle(other.path)).rejects.toThrow(
    `${other.path} is neither empty nor a bundle of the functions: name another folder`,
  );
  expect(await readdir(other.path)).toEqual(["thesis.txt"]);
});

it("of a lock file those packages are taken that are found from where they are needed", () => {
  const packages = {
    "": {},
    "node_modules/a": { version: "1.0.0", dependencies: { b: "^1.0.0" } },
    "node_modules/b": { version: "2.0.0" },
    "node_modules/a/node_modules/b": { version: "1.0.0", dependencies: { "@s/c": "*" } },
    "node_modules/@s/c": { version: "1.0.0", dev: true, dependencies: { a: "*" } },
    "node_modules/d": { version: "1.0.0", dependencies: { e: "*" } },
  };
  expect(lockedClosure({ packages }, ["a"])).toEqual({
    "node_modules/@s/c": { version: "1.0.0", dependencies: { a: "*" } },
    "node_modules/a": packages["node_modules/a"],
    "node_modules/a/node_modules/b": packages["node_modules/a/node_modules/b"],
  });
  expect(() => lockedClosure({ packages }, ["d"])).toThrow("package-lock.json has no e");
});
