import { expect, it } from "vitest";
import { boundedText, plainText } from "../../worker/plain-text.ts";

it("of control characters newline and tab stay", () => {
  expect(plainText("a\u0000\u0008b\r\n\tc\u007F\u0085\u009B31md")).toBe("ab\n\tcd");
  expect(plainText("\u001B[31mred\u001B[0m")).toBe("red");
  expect(plainText("grüße 雪 \uFFFD \uD83D")).toBe("grüße 雪 ? ?");
});

it("of a long text head and tail stay, with how much was left out", () => {
  expect(boundedText("short")).toBe("short");
  const bounded = boundedText(`head ${"x".repeat(10_000)} tail`, 200);
  expect(bounded).toBe(
    `head ${"x".repeat(65)}\n... 9870 characters left out ...\n${"x".repeat(65)} tail`,
  );
  // A cut through a character leaves none that is half.
  expect(boundedText("😀".repeat(5000), 201).isWellFormed()).toBe(true);
});
