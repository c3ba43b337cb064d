import type { PackageSet } from "./package-set.ts";

/** How long a pin is good for, in milliseconds. */
export interface PinTimes {
  /** Younger than this it is used as it is. */
  readonly freshMs: number;
  /** Younger than this it is used, and looked up anew for those who come later; older, it is waited for. */
  readonly staleMs: number;
  /** For so long an answer is given again without a look at the pin. */
  readonly warmMs: number;
}

const longestWarmMs = 10_000;

/** The times of a package set; `seconds` is what the settings say of those that move by themselves. */
export function pinTimes(packageSet: PackageSet, seconds: number): PinTimes {
  switch (packageSet.kind) {
    case "path":
      // A folder is expected to be served as it is now.
      return { freshMs: 1000, staleMs: 1000, warmMs: 500 };
    case "starter":
      // It changes when the machine's package lists do, and looking takes seconds.
      return { freshMs: 60 * 60_000, staleMs: Infinity, warmMs: longestWarmMs };
    case "git":
    case "nixpkgs":
      return {
        freshMs: seconds * 1000,
        staleMs: Infinity,
        warmMs: Math.min(seconds * 1000, longestWarmMs),
      };
  }
}
