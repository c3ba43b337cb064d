// The grammar of the specification; and the tags that clients ask for signatures and the like, which nobody builds.
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const attachmentPattern = /^sha256-[0-9a-f]{64}(?:\.[a-z]+)?$/;

/** Whether something may be built because of this tag. */
export function canBeBuilt(tag: string): boolean {
  return tagPattern.test(tag) && !attachmentPattern.test(tag);
}
