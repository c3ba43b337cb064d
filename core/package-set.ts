import { withoutCredentials } from "./credentials.ts";
import type { AppliedPlans } from "./layer-plans.ts";

/**
 * Where packages come from. `reference` is what the tag `latest` stands for:
 * a channel, branch, tag or commit; undefined is the default branch of a git repository.
 */
export type PackageSet =
  | { readonly kind: "starter" }
  | {
      readonly kind: "nixpkgs";
      readonly reference: string;
      /** A git repository whose branches are the channels. */
      readonly repository: string;
      /** URL of a tarball of one commit, with `{revision}` where the commit goes. */
      readonly tarball: string;
    }
  | { readonly kind: "git"; readonly url: string; readonly reference: string | undefined }
  | { readonly kind: "path"; readonly path: string };

/** Where nixpkgs is published. */
export const publicNixpkgs = {
  repository: "https://github.com/NixOS/nixpkgs",
  tarball: "https://github.com/NixOS/nixpkgs/archive/{revision}.tar.gz",
} as const;

/** A package set with the places that nixpkgs is fetched from, as the settings say them. */
export function withPlaces(
  packageSet: PackageSet,
  places: { readonly nixpkgsRepository: string; readonly nixpkgsTarball: string },
): PackageSet {
  if (packageSet.kind !== "nixpkgs") return packageSet;
  const { nixpkgsRepository: repository, nixpkgsTarball: tarball } = places;
  return { ...packageSet, repository, tarball };
}

/** A package set at one immutable revision: a commit, or a content-addressed store path for a folder. */
export interface Pin {
  readonly packageSet: string;
  readonly revision: string;
  /** The layer plans of its images, decided when it was first asked for; left out where there was none. */
  readonly plans?: AppliedPlans;
}

/** What a tag selects: a revision by its own name, or a reference that has to be looked up and may move. */
export type Selection =
  | { readonly kind: "revision"; readonly revision: string }
  | { readonly kind: "reference"; readonly reference: string | undefined; readonly pinId: string };

const commitPattern = /^[0-9a-f]{40}$/;

/**
 * The name of a package set in build keys, labels and messages. It has no credentials and no local path in it:
 * a folder is known by its content, wherever it lies.
 */
export function packageSetId(packageSet: PackageSet): string {
  switch (packageSet.kind) {
    case "starter":
    case "path":
      return packageSet.kind;
    case "nixpkgs":
      return "nixpkgs";
    case "git":
      return `git+${withoutCredentials(packageSet.url)}`;
  }
}

/** How people write a package set: the value of FIRN_PACKAGE_SET, and what the banner shows. */
export function describePackageSet(packageSet: PackageSet): string {
  switch (packageSet.kind) {
    case "starter":
      return "the starter set";
    case "nixpkgs":
      return `nixpkgs ${packageSet.reference}`;
    case "git":
      return `${withoutCredentials(packageSet.url)} ${packageSet.reference ?? "(default branch)"}`;
    case "path":
      return packageSet.path;
  }
}

/** Which revision a tag selects. `latest` is the configured one; whether another reference exists shows when it is pinned. */
export function selectRevision(packageSet: PackageSet, tag: string): Selection {
  const reference = tag === "latest" ? referenceOf(packageSet) : tag;
  if (reference !== undefined && commitPattern.test(reference) && hasCommits(packageSet)) {
    return { kind: "revision", revision: reference };
  }
  return {
    kind: "reference",
    reference,
    pinId: JSON.stringify([packageSetId(packageSet), sourceOf(packageSet), reference ?? null]),
  };
}

/** What `latest` stands for, by its own name; undefined where that has none, such as a default branch. */
export function referenceOf(packageSet: PackageSet): string | undefined {
  return packageSet.kind === "nixpkgs" || packageSet.kind === "git"
    ? packageSet.reference
    : undefined;
}

/** Whether a pin is one of this package set, at any reference. */
export function isPinOf(packageSet: PackageSet, pinId: string): boolean {
  const [id, source] = JSON.parse(pinId) as [string, string, string | null]; // written by `selectRevision`
  return id === packageSetId(packageSet) && source === sourceOf(packageSet);
}

/** The name of the package set that a pin is of. */
export function packageSetOfPin(pinId: string): string {
  const [packageSet] = JSON.parse(pinId) as [string, string, string | null]; // written by `selectRevision`
  return packageSet;
}

function hasCommits(packageSet: PackageSet): boolean {
  return packageSet.kind === "nixpkgs" || packageSet.kind === "git";
}

// Two folders are two things to pin, although what they hold is known by content alone.
function sourceOf(packageSet: PackageSet): string {
  return packageSet.kind === "path" ? packageSet.path : "";
}

/**
 * Reads a package set as people write it; nixpkgs is the public one. Throws an Error that says what would be
 * understood.
 */
export function parsePackageSet(text: string): PackageSet {
  if (text === "starter") return { kind: "starter" };
  const [scheme, rest] = splitOnce(text, ":");
  if (scheme === "nixpkgs" && /^[\w][\w.-]*$/.test(rest)) {
    return { kind: "nixpkgs", reference: rest, ...publicNixpkgs };
  }
  if (scheme === "path" && rest.startsWith("/")) return { kind: "path", path: rest };
  if (text.startsWith("/")) return { kind: "path", path: text };
  if (/^git\+(?:https?|ssh|file):\/\//.test(text)) {
    const [url, reference] = splitOnce(text.slice("git+".length), "#");
    return { kind: "git", url, reference: reference === "" ? undefined : reference };
  }
  throw new Error(
    `"${text}" is not a package set: use starter, nixpkgs:<channel or commit>, git+https://host/repository#<branch, tag or commit>, or an absolute path`,
  );
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
