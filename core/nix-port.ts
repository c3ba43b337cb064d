import type { FromSource } from "./build-policy.ts";
import type { Architecture } from "./image.ts";
import type { Pin } from "./package-set.ts";

/** What is asked of Nix. Every call can be aborted, and ends Nix with its children then. */
export interface Nix {
  /** Looks up where a reference stands; undefined is the package set's own default. */
  pin(reference: string | undefined, signal: AbortSignal): Promise<Pinned>;
  /** Turns names into derivations. All names are looked at; nothing is built. */
  evaluate(question: Question, signal: AbortSignal): Promise<Evaluation>;
  /** Makes the wanted outputs valid in the store, by substitution or by building, and keeps them there by a root. */
  realise(wanted: Wanted, signal: AbortSignal): Promise<Realised>;
  /** Ends the protection that `realise` gave under this name. */
  release(root: string): Promise<void>;
  /** Everything that store paths refer to, themselves included. */
  closure(paths: readonly string[], signal: AbortSignal): Promise<readonly StorePath[]>;
  /** What is known of all packages of a set, of this store and of binary caches; nothing is built or fetched. */
  survey(pin: Pin, architecture: Architecture, signal: AbortSignal): Promise<Survey>;
}

export interface Survey {
  /** Those that can be evaluated, in the order of their attributes. */
  readonly packages: readonly ListedPackage[];
  /** The store paths of theirs that are known, with all they refer to as far as that is known. */
  readonly paths: readonly StorePath[];
}

export interface ListedPackage {
  readonly attribute: string;
  /** The store paths that an image takes of it. */
  readonly outputs: readonly string[];
}

export type Pinned =
  | { readonly state: "pinned"; readonly revision: string }
  | { readonly state: "revision-unknown"; readonly message: string };

export interface Question {
  readonly pin: Pin;
  readonly architecture: Architecture;
  /** Attribute paths as people type them: in any case, without the underscore before a digit. */
  readonly packages: readonly string[];
  /** Attribute paths that are left out where the package set lacks them. */
  readonly optional: readonly string[];
}

export type Evaluation =
  | { readonly state: "evaluated"; readonly packages: readonly Package[] }
  | { readonly state: "packages-unknown"; readonly unknown: readonly UnknownPackage[] }
  | { readonly state: "evaluation-failed" | "revision-unknown"; readonly message: string };

export interface Package {
  /** As it was asked for. */
  readonly asked: string;
  /** As the package set spells it. */
  readonly attribute: string;
  readonly name: string;
  readonly version: string;
  readonly derivation: string;
  /** The outputs an image takes: those for installation without documentation, or the one that was named. */
  readonly outputs: readonly PackageOutput[];
  readonly mainProgram: string | undefined;
  /** Lower wins where two packages have a file of the same name. */
  readonly priority: number;
  readonly optional: boolean;
}

export interface PackageOutput {
  readonly name: string;
  /** Its store path, whether it exists already or not. */
  readonly path: string;
}

export interface UnknownPackage {
  readonly asked: string;
  readonly reason: "not-found" | "not-a-package" | "ambiguous";
  /** Attribute paths that were probably meant, the nearest first. */
  readonly suggestions: readonly string[];
}

export interface Wanted {
  readonly packages: readonly Package[];
  /** Names the root that keeps the outputs from garbage collection until it is released. */
  readonly root: string;
  /** What the outputs may have with all they refer to, as far as it is known before; left out, any size will do. */
  readonly limitBytes?: number;
  /** Whether what no binary cache has is built; it is, if not said. */
  readonly fromSource?: FromSource;
  readonly timeoutMs: number;
  readonly onProgress: (progress: RealiseProgress) => void;
}

/** Derivations built or fetched; `total` counts those Nix has announced so far. */
export interface RealiseProgress {
  readonly done: number;
  readonly total: number;
  readonly message: string;
}

export type Realised =
  | { readonly state: "realised" }
  /** `bytes` is what would have been fetched. */
  | { readonly state: "too-large"; readonly bytes: number }
  /** Names and versions of what would have been built, those that were wanted first. */
  | { readonly state: "not-cached"; readonly names: readonly string[] }
  | { readonly state: "build-failed"; readonly message: string; readonly log: readonly string[] }
  | { readonly state: "timed-out"; readonly message: string; readonly log: readonly string[] };

/** A path in the Nix store with what it refers to; `size` is its NAR size in bytes. */
export interface StorePath {
  readonly path: string;
  readonly size: number;
  /** Store paths, itself left out. */
  readonly references: readonly string[];
}
