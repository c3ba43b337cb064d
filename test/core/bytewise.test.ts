import { expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";

test("strings are ordered by their UTF-8 bytes, also beyond U+FFFF", () => {
  const texts = ["", "a", "a.b", "a/", "ab", "b", "é", "퟿", "\uE000", "\uFFFD", "\u{10000}", "😀"];
  for (const a of texts) {
    for (const b of texts) {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareBytes(a, b))).toBe(expected);
    }
  }
});
