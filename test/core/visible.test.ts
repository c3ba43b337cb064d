import { expect, it } from "vitest";
import { visible } from "../../core/visible.ts";

it.each([
  ["shell/git", "shell/git"],
  ["a\nERROR all is lost", "a\\u{a}ERROR all is lost"],
  ["\u001b[2Jgone", "\\u{1b}[2Jgone"],
  ["\u009b31m", "\\u{9b}31m"],
  ["\u001b]0;title\u0007", "\\u{1b}]0;title\\u{7}"],
  ["a\r\u0008b\u007f", "a\\u{d}\\u{8}b\\u{7f}"],
  ["\u202Etxt.exe\u2028", "\\u{202e}txt.exe\\u{2028}"],
  ["käse 雪 🏔", "käse 雪 🏔"],
  ["half \ud83c", "half \ufffd"],
])("of %j a terminal is shown %j", (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it("leaves what it is told to leave", () => {
  expect(visible("one\n\ttwo\r\u001b", "\n\t")).toBe("one\n\ttwo\\u{d}\\u{1b}");
});
