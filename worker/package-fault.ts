/** What a package is to blame for although Nix has built it: the message is for whoever asked for it. */
export class PackageFault extends Error {
  override readonly name = "PackageFault";
}

/** The fault behind an error, whatever streams have put around it; undefined where a package is not to blame. */
export function packageFaultOf(error: unknown): Error | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    // Only a path that is made of a package's own names can be too long.
    const isTooLong = "code" in each && each.code === "ENAMETOOLONG";
    if (each instanceof PackageFault || isTooLong) return each;
  }
  return undefined;
}
