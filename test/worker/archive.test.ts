import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { createServer } from "node:net";
import { execa, execaSync } from "execa";
import { expect, test } from "vitest";
import { archiveParts, partBytes, type Slice } from "../../worker/archive.ts";
import { slicesOf } from "../../worker/slices.ts";
import { bytesOf, plant, type Planned, stored, temporaryFolder } from "../support/store-tree.ts";

const hello = stored("a", "hello-2.12");
const files: Readonly<Record<string, Planned>> = {
  [`${hello}/bin/hello`]: { program: "#!/bin/sh\n" },
  [`${hello}/bin.d/x`]: "x",
  [`${hello}/bin0`]: "0",
  [`${hello}/empty`]: { folder: true },
  [`${hello}/lib/libhello.so`]: { link: "libhello.so.1" },
  [`${hello}/lib/libhello.so.1`]: "elf",
  [`${hello}/share/grüße/雪`]: "snow",
  [`${hello}/share/${"long".repeat(60)}`]: "long name",
  [`${hello}/share/big`]: "0123456789abcdef".repeat(60_000),
  [`${hello}/share/same`]: "elf",
  [stored("b", "one-file")]: "alone",
  [stored("c", "one-link")]: { link: hello },
};
const paths = [stored("c", "one-link"), hello, stored("b", "one-file")];

test("entries are sorted by the bytes of their names, the folders above them first", async () => {
  const names = await listed(archived(plant(temporaryFolder(), files)));
  expect(names.slice(0, 8)).toEqual([
    "./",
    "nix/",
    "nix/store/",
    ...["/", "/bin.d/", "/bin.d/x", "/bin/", "/bin/hello"].map((end) => `${hello.slice(1)}${end}`),
  ]);
  const bytes = names.slice(1).map((name) => Buffer.from(name));
  expect(bytes).toEqual(bytes.toSorted((a, b) => Buffer.compare(a, b)));
  expect(names).toContain(`${hello.slice(1)}/empty/`);
});

test("GNU tar unpacks what was packed", async () => {
  const root = plant(temporaryFolder(), files);
  const out = temporaryFolder();
  await execa("tar", ["xpf", "-", "-C", out], { input: archived(root) });
  const { stdout } = await execa("diff", ["-r", "--no-dereference", root, out]);
  expect(stdout).toBe("");
  const mode = (path: string) => statSync(join(out, path)).mode & 0o7777;
  expect(mode(`${hello}/bin/hello`)).toBe(0o555);
  expect(mode(`${hello}/share/big`)).toBe(0o444);
  expect(mode(`${hello}/empty`)).toBe(0o555);
  expect(mode("nix/store")).toBe(0o755);
  expect(statSync(join(out, hello, "bin/hello")).mtimeMs).toBe(1000);
  await execa("chmod", ["-R", "u+w", out]);
});

test("times, write permissions, set-user-id bits and hard links change nothing", () => {
  const bytes = archived(plant(temporaryFolder(), files));
  const other = temporaryFolder();
  plant(other, Object.fromEntries(Object.entries(files).toReversed()));
  rmSync(join(other, hello, "share/same"));
  linkSync(join(other, hello, "lib/libhello.so.1"), join(other, hello, "share/same"));
  chmodSync(join(other, hello, "bin0"), 0o600);
  chmodSync(join(other, hello, "bin/hello"), 0o6755);
  expect(archived(other, paths.toReversed()).equals(bytes)).toBe(true);

  const copy = temporaryFolder();
  cpSync(other, copy, { recursive: true, verbatimSymlinks: true });
  expect(archived(copy).equals(bytes)).toBe(true);
});

test("names and targets that are not UTF-8 are unpacked as they were, beside those with U+FFFD", async () => {
  const root = plant(temporaryFolder(), { [`${hello}/\uFFFD`]: "fine", [`${hello}/z`]: "z" });
  const place = (name: string) => Buffer.from(`${root}${hello}/${name}`, "latin1");
  mkdirSync(place("stra\xdfe"));
  writeFileSync(place("stra\xdfe/\xff\xfe"), "latin1");
  writeFileSync(place("stra\xc3\x9fe"), "utf8");
  symlinkSync(Buffer.from("stra\xdfe/\xff\xfe", "latin1"), place("\xe9"));
  const out = temporaryFolder();
  await execa("tar", ["xpf", "-", "-C", out], { input: archived(root, [hello]) });
  const { stdout } = await execa("diff", ["-r", "--no-dereference", root, out]);
  expect(stdout).toBe("");
  const inside = readdirSync(`${out}${hello}`, { encoding: "latin1" });
  expect(inside.sort()).toEqual(["stra\xc3\x9fe", "stra\xdfe", "z", "\xe9", "\xef\xbf\xbd"].sort());
  await execa("chmod", ["-R", "u+w", out]);
});

test.each([".wh.readme", ".wh..wh..opq"])(
  "a file called %s is refused by name: in a layer it would remove others",
  (name) => {
    const root = plant(temporaryFolder(), { [`${hello}/share/${name}`]: "x" });
    expect(() => archived(root, [hello])).toThrow(`${hello}/share/${name} cannot be in an`);
  },
);

test("a large file that shrinks or grows while it is read is an error", () => {
  for (const size of [1_500_000, 5_000_000]) {
    const root = plant(temporaryFolder(), { [`${hello}/large`]: "x".repeat(3_000_000) });
    const chunks = partBytes({ kind: "entries", slice: { path: hello } }, { root });
    const reading = chunks[Symbol.iterator]();
    reading.next();
    truncateSync(join(root, hello, "large"), size);
    const rest = { [Symbol.iterator]: () => reading };
    expect(() => bytesOf(rest)).toThrow("changed while it was read: it had 3000000 bytes");
  }
});

test("what is not a file, a folder or a link is refused", async () => {
  const root = plant(temporaryFolder(), { [`${hello}/x`]: "x" });
  await execa("mkfifo", [join(root, hello, "pipe")]);
  expect(() => archived(root, [hello])).toThrow("/pipe is neither a file nor a folder nor");
  rmSync(join(root, hello, "pipe"));
  const server = createServer().listen(join(root, hello, "socket"));
  await once(server, "listening");
  expect(() => archived(root, [hello])).toThrow("/socket is neither a file nor a folder nor");
  server.close();
});

test("a path that is missing and one outside the store are errors", () => {
  const root = temporaryFolder();
  expect(() => archived(root, [hello])).toThrow("ENOENT");
  expect(() => archived(root, ["/etc/passwd"])).toThrow("/etc/passwd is not a store path");
});

test("a reader that stops early leaves no file open", () => {
  const root = plant(temporaryFolder(), { [`${hello}/large`]: "x".repeat(3_000_000) });
  const before = readdirSync("/proc/self/fd").length;
  const part = { kind: "entries", slice: { path: hello } } as const;
  for (const chunk of partBytes(part, { root })) if (chunk.length > 100_000) break;
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

test("slices of a path are cut between files, each has the folders above it, and together they are the path", () => {
  const root = plant(temporaryFolder(), files);
  const slices = slicesOf(hello, 4000, { root }).map(({ slice }) => slice);
  expect(slices.length).toBeGreaterThan(3);
  const whole = bytesOf(partBytes({ kind: "entries", slice: { path: hello } }, { root }));
  const parts = slices.map((slice) => bytesOf(partBytes({ kind: "entries", slice }, { root })));
  expect(Buffer.concat(parts).equals(whole)).toBe(true);

  const out = temporaryFolder();
  for (const slice of slices) {
    const layer = layerOf(root, [slice]);
    const alone = temporaryFolder();
    execaSync("tar", ["xpf", "-", "-C", alone], { input: layer });
    execaSync("tar", ["xpf", "-", "-C", out], { input: layer });
    expect(statSync(join(alone, hello)).mode & 0o777).toBe(0o555);
    execaSync("chmod", ["-R", "u+w", alone]);
  }
  const { stdout } = execaSync("diff", ["-r", "--no-dereference", root + hello, out + hello]);
  expect(stdout).toBe("");
  execaSync("chmod", ["-R", "u+w", out]);
});

test("a path whose folder is empty is an entry", async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, hello), { recursive: true });
  expect(await listed(archived(root, [hello]))).toContain(`${hello.slice(1)}/`);
});

function archived(root: string, list: readonly string[] = paths): Buffer {
  return layerOf(
    root,
    list.toSorted().map((path) => ({ path })),
  );
}

function layerOf(root: string, slices: readonly Slice[]): Buffer {
  return Buffer.concat(archiveParts(slices).map((part) => bytesOf(partBytes(part, { root }))));
}

async function listed(bytes: Buffer): Promise<string[]> {
  const path = join(temporaryFolder(), "test.tar");
  writeFileSync(path, bytes);
  const { stdout } = await execa("tar", ["tf", path, "--quoting-style=literal"]);
  return stdout.split("\n");
}
