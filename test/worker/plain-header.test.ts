import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writePlainHeader } from "../../worker/plain-header.ts";
import { headerOf, type TarEntry } from "../../worker/tar-header.ts";

const part = fc.oneof(
  fc.string({ minLength: 1, maxLength: 130, unit: "grapheme-ascii" }),
  fc.string({ minLength: 1, maxLength: 5, unit: "binary" }),
  fc.constant("grüße"),
  fc.nat(160).map((length) => "n".repeat(length + 1)),
);
const path = fc
  .array(
    part.map((text) => text.replaceAll("/", "-")),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join("/"))
  .filter((name) => !/(^|\/)\.{0,2}(\/|$)/.test(name));
const size = fc.oneof(
  fc.nat(),
  ...[8 ** 10 - 1, 8 ** 10, 8 ** 11].map((each) => fc.constant(each)),
);
const mode = fc.constantFrom(0o444, 0o555, 0o755, 0o1777);
const entry: fc.Arbitrary<TarEntry> = fc.oneof(
  fc.record({ kind: fc.constant("directory" as const), path, mode }),
  fc.record({ kind: fc.constant("symlink" as const), path, target: path }),
  fc.record({
    kind: fc.constant("file" as const),
    path,
    mode,
    size,
    content: fc.constant<Uint8Array[]>([]),
  }),
);

test("a header that is put together by hand is the library's, or none", () => {
  let written = 0;
  const check = (one: TarEntry) => {
    const block = Buffer.alloc(3 * 512, 0xff);
    if (!writePlainHeader(one, block, 512)) return;
    written += 1;
    const [expected, ...more] = headerOf(one);
    expect(more).toEqual([]);
    expect(block.subarray(512, 1024).toString("latin1")).toBe(expected?.toString("latin1"));
    expect(block.subarray(1024).every((byte) => byte === 0xff)).toBe(true);
  };
  fc.assert(fc.property(entry, check), { numRuns: 3000, seed: 1 });
  expect(written).toBeGreaterThan(100);
});

test.each<[string, TarEntry]>([
  ["the root", { kind: "directory", path: "./", mode: 0o755 }],
  ["a name of 99 bytes", { kind: "directory", path: "n".repeat(98), mode: 0o555 }],
  ["the name of a file far down", file(`${"d".repeat(76)}/${"e".repeat(78)}/${"n".repeat(100)}`)],
  [
    "that of a folder",
    { kind: "directory", path: `${"d".repeat(155)}/${"n".repeat(100)}`, mode: 0o555 },
  ],
  ["a target of 100 bytes", { kind: "symlink", path: "link", target: "t".repeat(100) }],
  ["almost 1 GiB", { ...file("large"), size: 8 ** 10 - 1 }],
])("%s is in a header that needs no library", (_, one) => {
  const block = Buffer.alloc(512);
  expect(writePlainHeader(one, block, 0)).toBe(true);
  expect(block.toString("latin1")).toBe(headerOf(one)[0]?.toString("latin1"));
});

function file(name: string) {
  return { kind: "file", path: name, mode: 0o444, size: 5, content: new Uint8Array(5) } as const;
}
