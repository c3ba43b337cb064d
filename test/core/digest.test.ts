import { describe, expect, it } from "vitest";
import {
  digestFromHex,
  digestOf,
  hexOf,
  isDigestSyntax,
  measured,
  parseDigest,
  type Measure,
} from "../../core/digest.ts";

const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("a digest", () => {
  it("is that of the bytes", () => {
    expect(digestOf("")).toBe(empty);
    expect(hexOf(digestOf(""))).toBe(empty.slice(7));
    expect(digestFromHex(empty.slice(7))).toBe(empty);
  });

  it.each([
    "",
    "sha256:",
    `${empty}0`,
    empty.toUpperCase(),
    "sha256:../../etc/passwd",
    `${empty}\n`,
  ])("is not %j", (text) => {
    expect(parseDigest(text)).toBeUndefined();
    expect(isDigestSyntax(text)).toBe(false);
  });

  it("may be of another registered algorithm, and is then one firn does not hold", () => {
    const sha512 = `sha512:${"a".repeat(128)}`;
    expect(isDigestSyntax(sha512)).toBe(true);
    expect(parseDigest(sha512)).toBeUndefined();
  });
});

it("a stream knows its digest and size when it has ended, and is passed on unchanged", async () => {
  async function* source() {
    yield Buffer.from("he");
    yield Buffer.from("llo");
  }
  let measure: Measure | undefined;
  const passed: Uint8Array[] = [];
  for await (const chunk of measured(source(), (complete) => (measure = complete))) {
    expect(measure).toBeUndefined();
    passed.push(chunk);
  }
  expect(Buffer.concat(passed).toString()).toBe("hello");
  expect(measure).toEqual({ digest: digestOf("hello"), size: 5 });
});
