import type { WorkerPolicy } from "../core/build-policy.ts";

const namesShown = 5;

/** What is said of an image that is larger than it may be; `isAll` is false where more would have come to it. */
export function tooLarge(
  { maxClosureMb, contact }: WorkerPolicy,
  bytes: number,
  isAll: boolean,
): string {
  const megabytes = Math.ceil(bytes / 1e6);
  const size = isAll ? `${megabytes} MB` : `at least ${megabytes} MB`;
  return `the image has ${size} before compression, and this registry builds at most ${maxClosureMb} MB: name fewer packages, or ask ${contact}`;
}

/** What is said of an image that would have to be compiled; those that were asked for come first in `names`. */
export function notCached({ contact }: WorkerPolicy, names: readonly string[]): string {
  const shown = names.slice(0, namesShown).join(", ");
  const more = names.length > namesShown ? ` (and ${names.length - namesShown} more)` : "";
  return `firn does not compile here, and these are in no binary cache: ${shown}${more}; ask ${contact}`;
}

/** Whether an image of this many bytes may be built. */
export function isWithin({ maxClosureMb }: WorkerPolicy, bytes: number): boolean {
  return bytes <= limitBytes({ maxClosureMb });
}

export function limitBytes({ maxClosureMb }: Pick<WorkerPolicy, "maxClosureMb">): number {
  return maxClosureMb * 1e6;
}
