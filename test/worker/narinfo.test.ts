import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openKeptNarinfos } from "../../worker/kept-narinfos.ts";
import { hashOf, parseNarinfo } from "../../worker/narinfo.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const hash = "1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl";
const other = "zzzzzz00000000000000000000000000";
const path = `/nix/store/${hash}-hello-2.12`;

test("of what a binary cache says of a path its size and references are read", () => {
  const text = [
    `StorePath: ${path}`,
    "URL: nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz",
    "Compression: xz",
    "FileSize: 50096",
    "NarSize: 226488",
    `References: ${other}-base-1.0 ${hash}-hello-2.12`,
    "Sig: cache.example.com-1:abc==",
    "",
  ];
  const read = { path, size: 226488, references: [`/nix/store/${other}-base-1.0`] };
  expect(parseNarinfo(text.join("\n"))).toEqual(read);
  expect(parseNarinfo(text.join("\r\n"))).toEqual(read);
  const bare = `StorePath: ${path}\nNarSize: 0\nReferences: \n`;
  expect(parseNarinfo(bare)).toEqual({ path, size: 0, references: [] });
  expect(hashOf(path)).toBe(hash);
});

test.each([
  ["<html>not here</html>", 'its StorePath is ""'],
  ["StorePath: hello\nNarSize: 1", 'its StorePath is "hello"'],
  [`StorePath: ${path}`, `the NarSize of ${path} is ""`],
  [`StorePath: ${path}\nNarSize: many`, `the NarSize of ${path} is "many"`],
])("%j is not that, and the error says why", (text, message) => {
  expect(() => parseNarinfo(text)).toThrow(message);
});

test("what was kept is there again, but for half a line and what was not there yesterday", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "further", "narinfos.jsonl");
  const read = { path, size: 1, references: [] };
  let time = 1_000_000;
  {
    await using kept = await openKeptNarinfos(file, () => time);
    kept.keep(hash, read);
    kept.keep(other, undefined);
  }
  await appendFile(file, '{"hash":"half');
  {
    await using again = await openKeptNarinfos(file, () => time);
    expect([...again.known]).toEqual([
      [hash, read],
      [other, null],
    ]);
    again.keep(other, { ...read, size: 2 });
  }
  time += 25 * 60 * 60_000;
  await using later = await openKeptNarinfos(file, () => time);
  expect(later.known.get(other)).toMatchObject({ size: 2 });
  await writeFile(file, `{"hash":"${other}","absentAt":1000000}\n`);
  await using yesterday = await openKeptNarinfos(file, () => time);
  expect(yesterday.known.size).toBe(0);
});
