// Control characters, what Unicode calls line ends, and what turns the direction of a text around.
const invisible = /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

/**
 * A text with what would be obeyed written out (`\u{1b}`), so that whatever somebody put into a name, a header or a
 * package says nothing to a terminal and ends no line of a log. `except` are characters that may stay.
 */
export function visible(text: string, except = ""): string {
  return text
    .toWellFormed()
    .replace(invisible, (character) =>
      except.includes(character) ? character : `\\u{${character.charCodeAt(0).toString(16)}}`,
    );
}
