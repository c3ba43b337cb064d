import { stripVTControlCharacters } from "node:util";

/** What a client is told of one failure, in characters; it is kept in the record too. */
export const messageLength = 4096;

/** Text of a package as people may see it on a terminal: no colours, and of control characters newline and tab alone. */
export function plainText(text: string): string {
  return (
    stripVTControlCharacters(text)
      // oxlint-disable-next-line no-control-regex -- they are what is looked for
      .replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "")
      .toWellFormed()
      // What was no text to begin with: a builder that prints a program.
      .replaceAll("\uFFFD", "?")
  );
}

/** The same, and no longer than this: the middle is left out, since beginnings say where and ends say what. */
export function boundedText(text: string, length = messageLength): string {
  const plain = plainText(text);
  if (plain.length <= length) return plain;
  // The note says how much is missing, and is itself at most this long.
  const kept = Math.floor((length - 60) / 2);
  const left = plain.length - 2 * kept;
  return plainText(
    `${plain.slice(0, kept)}\n... ${left} characters left out ...\n${plain.slice(-kept)}`,
  );
}
