import type { UnknownPackage } from "../core/ports.ts";

// They are no packages but say how an image is made, and only at the front of its name.
const comeFirst = new Set(["shell", "amd64", "arm64"]);

/**
 * What a person is told of names that are no packages: all of them, each with what was probably meant; of the starter
 * set also that it is small.
 */
export function describeUnknown(unknown: readonly UnknownPackage[], packageSet: string): string {
  const said = unknown.map(describe).join("; ");
  const isLost = unknown.some(
    ({ reason, suggestions }) => reason === "not-found" && suggestions.length === 0,
  );
  if (packageSet !== "starter" || !isLost) return said;
  return `${said}; this registry serves the starter set, which has some fifty packages and not all of nixpkgs`;
}

function describe({ asked, reason, suggestions }: UnknownPackage): string {
  const names = suggestions.join(", ");
  switch (reason) {
    case "not-found":
      if (comeFirst.has(asked)) return `"${asked}" has to come first in a name`;
      return `there is no package "${asked}"${names === "" ? "" : ` (did you mean ${names}?)`}`;
    case "not-a-package":
      return `"${asked}" is not a package${names === "" ? "" : ` but a set of them, such as ${names}`}`;
    case "ambiguous":
      return `"${asked}" could be ${suggestions.join(" or ")}, which differ in case alone and so cannot be told apart here`;
  }
}
