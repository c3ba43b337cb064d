/** A text without the user names and passwords of the URLs in it. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s"'`]+@/gi, "$1");
}
