import { describe, expect, test } from "vitest";
import { createIndexReader, dependenciesOf, upstreamVersion } from "../../worker/debian-index.ts";
import type { DebianIndex } from "../../worker/debian-index.ts";
import { lockStarterSet } from "../../worker/starter-lock.ts";
import type { StarterRow, StarterTable } from "../../worker/starter-table.ts";

const sha256 = "0".repeat(64);

function stanza(name: string, fields: Readonly<Record<string, string>> = {}): string {
  const all = { Package: name, Version: "1.0-1", Architecture: "amd64", SHA256: sha256, ...fields };
  const lines = Object.entries(all).map(([field, value]) => `${field}: ${value}`);
  return [...lines, "Size: 1", `Description: ${name} in short`, " and: at length", ""].join("\n");
}

function readIndex(...stanzas: readonly string[]): DebianIndex {
  const { take, end } = createIndexReader("amd64");
  for (const line of stanzas.join("\n").split("\n")) take(line);
  return end();
}

function tableOf(packages: Readonly<Record<string, StarterRow>>): StarterTable {
  return { never: ["debconf", "gcc-*-base"], cut: ["share/man"], packages };
}

const machine = { system: "x86_64-linux", release: "debian 12", tools: { patchelf: "0.14.3" } };
const nothing = () => false;

describe("reading apt's lists", () => {
  test("a package of another architecture is not in the index", () => {
    const index = readIndex(
      stanza("a", { Architecture: "i386" }),
      stanza("b", { Architecture: "all" }),
      stanza("c"),
    );
    expect([...index.packages.keys()]).toEqual(["b", "c"]);
  });

  test("a package that no archive has is not in the index", () => {
    expect(readIndex("Package: a\nVersion: 1\nArchitecture: amd64\n").packages.size).toBe(0);
  });

  test("the long description is left out, even where it looks like a field", () => {
    const index = readIndex(stanza("a", { Description: "short\n Depends: b" }));
    expect(index.packages.get("a")).toMatchObject({ description: "a in short", relations: "," });
  });

  test("the lists may end without an empty line", () => {
    expect(readIndex(stanza("a").trimEnd()).packages.has("a")).toBe(true);
  });
});

describe("choosing dependencies", () => {
  const index = readIndex(
    stanza("a", { "Pre-Depends": "libc6 (>= 2.36)", Depends: "python3:any, mta | exim [amd64]" }),
    stanza("libc6"),
    stanza("python3"),
    stanza("exim"),
    stanza("zmailer", { Provides: "mta (= 1), mail" }),
    stanza("postfix", { Provides: "mta" }),
    stanza("b", { Depends: "mta" }),
    stanza("c", { Depends: "nowhere | neither" }),
    stanza("d", { Depends: "debconf | libc6" }),
  );

  test("versions, architectures and qualifiers are not part of a name", () => {
    expect(dependenciesOf(index, "a", nothing)).toEqual(["exim", "libc6", "python3"]);
  });

  test("a virtual package stands for the first of its providers by name", () => {
    expect(dependenciesOf(index, "b", nothing)).toEqual(["postfix"]);
  });

  test("a dependency that is left out takes its alternatives with it", () => {
    expect(dependenciesOf(index, "d", (name) => name === "debconf")).toEqual([]);
  });

  test("a dependency that nothing satisfies is named, with its alternatives", () => {
    expect(() => dependenciesOf(index, "c", nothing)).toThrow(
      "the Debian package c needs nowhere or neither, which apt's lists do not have",
    );
  });
});

test.each([
  ["1:2.39.5-0+deb12u3", "2.39.5"],
  ["5.2.15-2+b13", "5.2.15"],
  ["2.28.1+dfsg-1", "2.28.1"],
  ["20250419~deb12u2", "20250419"],
  ["1.5+dfsg2-3ubuntu4", "1.5"],
  ["2:9.0~rc1-2", "9.0~rc1"],
])("upstream calls Debian's %s %s", (debian, upstream) => {
  expect(upstreamVersion(debian)).toBe(upstream);
});

describe("locking", () => {
  const index = readIndex(
    stanza("libc6", { Depends: "libgcc-s1" }),
    stanza("libgcc-s1", { Depends: "gcc-12-base, libc6" }),
    stanza("libssl3", { Depends: "libc6" }),
    stanza("python3", { Version: "3.11.2-1", Depends: "python3.11, libpython3-stdlib" }),
    stanza("python3.11", { Depends: "libssl3" }),
    stanza("libpython3-stdlib", { Depends: "libpython3.11-stdlib" }),
    stanza("libpython3.11-stdlib", { Version: "3.11.2~a:b-1", Depends: "libc6, debconf" }),
    stanza("libmagic1", { Depends: "libc6, file" }),
    stanza("file", { Depends: "libmagic1" }),
  );
  const python3 = { debian: ["python3", "python3.*", "libpython3*-stdlib"], also: ["python"] };

  test("a row draws in what its patterns find among its dependencies", () => {
    const lock = lockStarterSet(tableOf({ python3 }), index, machine);
    expect(lock.units["python3"]).toMatchObject({
      version: "3.11.2",
      debs: ["python3", "libpython3-stdlib", "libpython3.11-stdlib", "python3.11"],
      needs: ["debian/libc6", "debian/libssl3"],
    });
    expect(lock.attributes).toEqual({ python: "python3", python3: "python3" });
  });

  test("libraries that need each other become one store path", () => {
    const lock = lockStarterSet(tableOf({ python3 }), index, machine);
    expect(lock.units["debian/libc6"]).toMatchObject({ debs: ["libc6", "libgcc-s1"], needs: [] });
    expect(lock.units["debian/libgcc-s1"]).toBeUndefined();
    expect(lock.units["debian/libssl3"]?.needs).toEqual(["debian/libc6"]);
  });

  test("a library's way back to the program that needs it is cut", () => {
    const lock = lockStarterSet(tableOf({ file: { debian: ["file"] } }), index, machine);
    expect(lock.units["file"]?.needs).toEqual(["debian/libmagic1"]);
    expect(lock.units["debian/libmagic1"]?.needs).toEqual(["debian/libc6"]);
  });

  test("a row whose Debian package this release does not have is left out", () => {
    const lock = lockStarterSet(tableOf({ which: { debian: ["gnu-which"] } }), index, machine);
    expect(lock.attributes).toEqual({});
  });

  test("two rows with one Debian package are an error", () => {
    const table = tableOf({ a: { debian: ["file"] }, b: { debian: ["file"] } });
    expect(() => lockStarterSet(table, index, machine)).toThrow("file in both a and b");
  });

  test("names in the store have no character that Nix forbids", () => {
    const lock = lockStarterSet(tableOf({ python3 }), index, machine);
    expect(lock.debs["libpython3.11-stdlib"]?.file).toBe(
      "libpython3.11-stdlib_3.11.2-a-b-1_amd64.deb",
    );
  });

  test("the order of apt's lists does not matter", () => {
    const reversed = { ...index, packages: new Map([...index.packages].toReversed()) };
    const table = tableOf({ python3, file: { debian: ["file"] } });
    const lock = JSON.stringify(lockStarterSet(table, reversed, machine));
    expect(lock).toBe(JSON.stringify(lockStarterSet(table, index, machine)));
  });
});
