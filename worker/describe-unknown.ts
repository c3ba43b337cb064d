import type { UnknownPackage } from "../core/ports.ts";

/** What a person is told of names that are no packages: all of them, each with what was probably meant. */
export function describeUnknown(unknown: readonly UnknownPackage[]): string {
  return unknown.map(describe).join("; ");
}

function describe({ asked, reason, suggestions }: UnknownPackage): string {
  const names = suggestions.join(", ");
  switch (reason) {
    case "not-found":
      return `there is no package "${asked}"${names === "" ? "" : ` (did you mean ${names}?)`}`;
    case "not-a-package":
      return `"${asked}" is not a package${names === "" ? "" : ` but a set of them, such as ${names}`}`;
    case "ambiguous":
      return `"${asked}" could be ${suggestions.join(" or ")}, which differ in case alone and so cannot be told apart here`;
  }
}
