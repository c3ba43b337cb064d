import { copyFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readElf } from "../support/elf.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { filesOf, type Image } from "../support/image.ts";
import { isInstalled, need, needRoot } from "../support/need.ts";
import { program } from "../support/program.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { unpack } from "../support/unpack.ts";

const foreign =
  process.arch === "arm64"
    ? { architecture: "amd64", machine: 62, loader: "ld-linux-x86-64.so.2", qemu: "qemu-x86_64" }
    : {
        architecture: "arm64",
        machine: 183,
        loader: "ld-linux-aarch64.so.1",
        qemu: "qemu-aarch64",
      };
const name = `${foreign.architecture}/shell/hello/git/python3`;
const programs = ["nix-store", "patchelf", "apt-get", "apt-cache", "dpkg-deb"];

let firn: Firn;
let image: Image & { readonly digest: string };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  if (!programs.every((needed) => isInstalled(needed))) return;
  folder = await temporaryFolder();
  const env = { FIRN_NIX_CONFIG: "substituters =", FIRN_HOLD_SECONDS: "60" };
  firn = await startFirn({ packageSet: "starter", data: join(folder.path, "data"), env });
  // On a machine that has built none of it yet this takes minutes.
  while ((await firn.manifest(name)).status === 307);
  image = await pull(firn, name);
  await unpack(image, join(folder.path, "root"));
}, 900_000);
afterAll(async () => {
  await firn?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});
beforeEach((context) => {
  need(context, ...programs);
  needRoot(context);
});

const root = () => join(folder.path, "root");

function* filesBelow(place: string): Generator<string> {
  for (const entry of readdirSync(place, { withFileTypes: true })) {
    const path = join(place, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

test("an image of the other architecture is of that architecture, in its configuration and its programs", () => {
  expect(image.config).toMatchObject({ architecture: foreign.architecture, os: "linux" });
  const programsThere = [...filesBelow(join(root(), "nix/store"))].flatMap((path) => {
    const elf = readElf(readFileSync(path));
    return elf === undefined ? [] : [{ path, ...elf }];
  });
  expect(programsThere.length).toBeGreaterThan(100);
  expect(programsThere.filter(({ machine }) => machine !== foreign.machine)).toEqual([]);
  // The C library prints its version when it is started, with the loader where Debian has it: nobody does.
  const started = programsThere.flatMap(({ path, interpreter }) =>
    path.endsWith("/libc.so.6") ? [] : (interpreter ?? []),
  );
  expect(started.length).toBeGreaterThan(20);
  const missing = (path: string) => !existsSync(join(root(), path));
  expect(started.filter((path) => missing(path) || !path.endsWith(foreign.loader))).toEqual([]);
  const searched = programsThere.flatMap(({ path, runPath }) => runPath.map((at) => [path, at]));
  expect(searched.length).toBeGreaterThan(100);
  expect(searched.filter(([, at = ""]) => !at.startsWith("/nix/store/") || missing(at))).toEqual(
    [],
  );
});

test("the image of the same name for the machine itself is of the same revision, and shares no store path", async () => {
  const own = await pull(firn, "hello");
  expect(own.config.architecture).not.toBe(foreign.architecture);
  expect(own.config.config.Labels["firn.revision"]).toBe(firn.revision);
  expect(image.config.config.Labels["firn.revision"]).toBe(firn.revision);
  const paths = (of: Image) =>
    [...filesOf(of).keys()].filter((path) => /^nix\/store\/[^/]+$/.test(path));
  expect(paths(own).length).toBeGreaterThan(2);
  const there = new Set(paths(image));
  expect(paths(own).filter((path) => there.has(path))).toEqual([]);
});

test.skipIf(!isInstalled(`${foreign.qemu}-static`)).each([
  ["hello", "bin/hello", [], /^Hello, world!$/],
  ["git", "lib/git-core/git", ["--version"], /^git version 2/],
  ["python3", "bin/python3", ["-c", "import ssl, sqlite3, ctypes; print(6 * 7)"], /^42$/],
] as const)("%s of the other architecture runs under qemu", async (...row) => {
  const [package_, path, args, said] = row;
  const qemu = `/usr/bin/${foreign.qemu}-static`;
  if (!existsSync(join(root(), "qemu"))) copyFileSync(qemu, join(root(), "qemu"));
  const store = readdirSync(join(root(), "nix/store"));
  const home = store.find(
    (one) => one.includes(`-${package_}-`) && existsSync(join(root(), "nix/store", one, path)),
  );
  expect(home).toBeDefined();
  const inside = ["chroot", "--userspec=1000:1000", root(), "/qemu"];
  const environment = ["-i", ...image.config.config.Env, "HOME=/tmp"];
  const ended = await program("env", [
    ...environment,
    ...inside,
    `/nix/store/${home}/${path}`,
    ...args,
  ]);
  expect(ended.stdout.trim()).toMatch(said);
});

test("after a restart an image of the other architecture that nobody pulled before needs no lists and no network", async () => {
  const data = join(folder.path, "data");
  await firn.stop();
  // apt and its helper would have to go through this.
  const hold = { FIRN_HOLD_SECONDS: "250" };
  const env = { FIRN_NIX_CONFIG: "substituters =", ...hold, http_proxy: "http://127.0.0.1:9" };
  firn = await startFirn({ packageSet: "starter", data, env });
  expect((await pull(firn, `${foreign.architecture}/jq`)).config.architecture).toBe(
    foreign.architecture,
  );
});
