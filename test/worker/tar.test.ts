import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { tar, tarEntries, type TarEntry } from "../../worker/tar.ts";
import { bytesOf, temporaryFolder } from "../support/store-tree.ts";

const deep = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}/g`;
const long = "n".repeat(240);
const entries: readonly TarEntry[] = [
  { kind: "directory", path: "./", mode: 0o755 },
  { kind: "directory", path: "empty", mode: 0o555 },
  file("empty-file", ""),
  file("exactly-one-block", "b".repeat(512)),
  file("grüße-雪-😀", "snow"),
  { kind: "symlink", path: "link", target: "empty-file" },
  { kind: "symlink", path: "link-long", target: `/nix/store/${"t".repeat(150)}` },
  { kind: "symlink", path: "link-umlaut", target: "grüße" },
  file(long, "long"),
  file(deep, "deep"),
  { kind: "directory", path: `${"s".repeat(150)}/${"u".repeat(120)}`, mode: 0o555 },
  { kind: "directory", path: "tmp", mode: 0o1777 },
];

test("GNU tar and Python list every entry by its name, kind, mode and target", async () => {
  const { path, bytes } = await written(entries);
  const { stdout, stderr } = await execa("tar", ["tvf", path, "--numeric-owner", "--utc"], {
    env: { LC_ALL: "C.UTF-8", QUOTING_STYLE: "literal" },
  });
  expect(stderr).toBe("");
  const lines = stdout.split("\n");
  expect(lines).toHaveLength(entries.length);
  for (const line of lines) expect(line).toMatch(/ 0\/0 +\d+ 1970-01-01 00:00 /);

  const { stdout: listed } = await execa("python3", ["-c", listing, path]);
  const found: unknown = JSON.parse(listed);
  expect(found).toEqual(
    entries.map((entry) => [
      entry.path === "./" ? "." : entry.path,
      entry.kind,
      entry.kind === "symlink" ? 0o777 : entry.mode,
      entry.kind === "symlink" ? entry.target : "",
      entry.kind === "file" ? entry.size : 0,
      [0, 0, "", "", 1],
    ]),
  );
  expect(bytes.length % 512).toBe(0);
  expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
});

test("only what a plain header cannot say is in a PAX record", async () => {
  const { path } = await written(entries);
  const { stdout } = await execa("python3", ["-c", records, path]);
  const found: unknown = JSON.parse(stdout);
  expect(found).toEqual({
    "grüße-雪-😀": ["path"],
    "link-long": ["linkpath", "path"],
    "link-umlaut": ["linkpath", "path"],
    [long]: ["path"],
    [deep]: ["path"],
    [`${"s".repeat(150)}/${"u".repeat(120)}`]: ["path"],
  });
});

test("a file of 8 GiB and one of more are announced with their size", async () => {
  for (const size of [8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 20 * 1024 ** 3]) {
    const stream = tar([{ kind: "file", path: "large", mode: 0o444, size, content: endless() }]);
    const first = stream.next();
    stream.return(undefined);
    const path = join(temporaryFolder(), "head.tar");
    writeFileSync(path, first.done === true ? "" : first.value);
    const { stdout } = await execa("python3", ["-c", firstSize, path]);
    expect(stdout).toBe(`${size}`);
  }
});

test("the same entries are the same bytes, to this day", async () => {
  const { bytes } = await written(entries);
  expect((await written(entries)).bytes).toEqual(bytes);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "9077c236dfa9e5019ac211bea3d6dbd8b22157a5e25da629a26639c3f4948f79",
  );
});

test("small entries are gathered and large pieces pass through as they are", () => {
  const piece = Buffer.alloc(1024 * 1024, 1);
  const small = Array.from({ length: 2000 }, (_, index) => file(`f${index}`, "x".repeat(300)));
  const large: TarEntry = {
    kind: "file",
    path: "z",
    mode: 0o444,
    size: piece.length,
    content: one(piece),
  };
  const chunks = [...tarEntries([...small, large])];
  expect(chunks.length).toBeLessThan(12);
  expect(chunks).toContain(piece);
});

test("chunks of entries are lent, those of a whole archive may be kept", () => {
  const many = Array.from({ length: 3000 }, (_, index) => file(`f${index}`, `${index}`.repeat(99)));
  const lent = [...tarEntries(many)];
  expect(lent.length).toBeGreaterThan(4);
  expect(new Set(lent.map(({ buffer }) => buffer)).size).toBe(1);
  const kept = Buffer.concat([...tar(many)]);
  expect(kept.equals(bytesOf(tar(many)))).toBe(true);
});

const latin = "stra\uDCDFe";

test("a name and a target that are not UTF-8 are what they are, to GNU tar and to Python", async () => {
  const { path } = await written([
    { kind: "directory", path: `${"d".repeat(200)}${latin}`, mode: 0o555 },
    file(latin, "latin1"),
    { kind: "symlink", path: "link", target: latin },
  ]);
  const { stdout } = await execa("tar", ["tf", path, "--quoting-style=escape"]);
  expect(stdout.split("\n")).toEqual([`${"d".repeat(200)}stra\\337e/`, "stra\\337e", "link"]);
  const { stdout: listed } = await execa("python3", ["-c", names, path]);
  expect(JSON.parse(listed)).toEqual([
    [`${"d".repeat(200)}${latin}`, ""],
    [latin, ""],
    ["link", latin],
  ]);
});

test("content of another size than was announced is an error", () => {
  const short: TarEntry = {
    kind: "file",
    path: "short",
    mode: 0o444,
    size: 4,
    content: Buffer.from("abc"),
  };
  expect(() => bytesOf(tar([short]))).toThrow("short has 3 bytes where 4 were announced");
});

function file(path: string, text: string): TarEntry {
  const content = Buffer.from(text);
  return { kind: "file", path, mode: 0o444, size: content.length, content };
}

async function written(list: readonly TarEntry[]) {
  const bytes = bytesOf(tar(list));
  const path = join(temporaryFolder(), "test.tar");
  writeFileSync(path, bytes);
  return { path, bytes };
}

function* one(piece: Uint8Array) {
  yield piece;
}

function* endless() {
  for (;;) yield Buffer.alloc(1024 * 1024);
}

const listing = `
import json, sys, tarfile
kind = lambda m: "directory" if m.isdir() else "symlink" if m.issym() else "file" if m.isreg() else "?"
with tarfile.open(sys.argv[1]) as archive:
    print(json.dumps([[m.name, kind(m), m.mode, m.linkname, m.size, [m.uid, m.gid, m.uname, m.gname, m.mtime]] for m in archive]))
`;
const records = `
import json, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    print(json.dumps({m.name: sorted(m.pax_headers) for m in archive if m.pax_headers}))
`;
const names = `
import json, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    print(json.dumps([[m.name, m.linkname] for m in archive]))
`;
const firstSize = `
import sys, tarfile
print(tarfile.open(sys.argv[1]).next().size, end="")
`;
