import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { archive } from "../../worker/archive.ts";
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
  const names = await listed(await archived(plant(temporaryFolder(), files)));
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
  await execa("tar", ["xpf", "-", "-C", out], { input: await archived(root) });
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

test("times, write permissions, hard links and the order of the request change nothing", async () => {
  const bytes = await archived(plant(temporaryFolder(), files));
  const other = temporaryFolder();
  plant(other, Object.fromEntries(Object.entries(files).toReversed()));
  rmSync(join(other, hello, "share/same"));
  linkSync(join(other, hello, "lib/libhello.so.1"), join(other, hello, "share/same"));
  chmodSync(join(other, hello, "bin0"), 0o600);
  expect((await archived(other, paths.toReversed())).equals(bytes)).toBe(true);

  const copy = temporaryFolder();
  cpSync(other, copy, { recursive: true, verbatimSymlinks: true });
  expect((await archived(copy)).equals(bytes)).toBe(true);
});

test("a name that is not UTF-8 is refused by name, one with U+FFFD is not", async () => {
  const fine = plant(temporaryFolder(), { [`${hello}/\uFFFD`]: "fine" });
  expect(await listed(await archived(fine, [hello]))).toContain(`${hello.slice(1)}/\uFFFD`);
  const root = plant(temporaryFolder(), { [`${hello}/x`]: "x" });
  writeFileSync(Buffer.from(`${root}${hello}/stra\xdfe`, "latin1"), "latin1");
  await expect(archived(root, [hello])).rejects.toThrow(/has a name that is not UTF-8: "straße"/);
});

test.each([".wh.readme", ".wh..wh..opq"])(
  "a file called %s is refused by name: in a layer it would remove others",
  async (name) => {
    const root = plant(temporaryFolder(), { [`${hello}/share/${name}`]: "x" });
    await expect(archived(root, [hello])).rejects.toThrow(`${hello}/share/${name} cannot be in an`);
  },
);

test("a large file that shrinks or grows while it is read is an error", async () => {
  for (const size of [1_500_000, 5_000_000]) {
    const root = plant(temporaryFolder(), { [`${hello}/large`]: "x".repeat(3_000_000) });
    const stream = archive([hello], { root });
    await stream.next();
    truncateSync(join(root, hello, "large"), size);
    await expect(bytesOf(stream)).rejects.toThrow(
      "changed while it was read: it had 3000000 bytes",
    );
  }
});

test("what is not a file, a folder or a link is refused", async () => {
  const root = plant(temporaryFolder(), { [`${hello}/x`]: "x" });
  await execa("mkfifo", [join(root, hello, "pipe")]);
  await expect(archived(root, [hello])).rejects.toThrow("/pipe is neither a file nor a folder nor");
});

test("a path that is missing and one outside the store are errors", async () => {
  const root = temporaryFolder();
  await expect(archived(root, [hello])).rejects.toThrow("ENOENT");
  await expect(archived(root, ["/etc/passwd"])).rejects.toThrow("/etc/passwd is not a store path");
});

test("a reader that stops early leaves no file open", async () => {
  const root = plant(temporaryFolder(), { [`${hello}/large`]: "x".repeat(3_000_000) });
  const before = readdirSync("/proc/self/fd").length;
  for await (const chunk of archive([hello], { root })) if (chunk.length > 100_000) break;
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

test("a path whose folder is empty is an entry", async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, hello), { recursive: true });
  expect(await listed(await archived(root, [hello]))).toContain(`${hello.slice(1)}/`);
});

function archived(root: string, list: readonly string[] = paths): Promise<Buffer> {
  return bytesOf(archive(list, { root }));
}

async function listed(bytes: Buffer): Promise<string[]> {
  const path = join(temporaryFolder(), "test.tar");
  writeFileSync(path, bytes);
  const { stdout } = await execa("tar", ["tf", path, "--quoting-style=literal"]);
  return stdout.split("\n");
}
