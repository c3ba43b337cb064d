/** A path in the Nix store with what it refers to; `size` is its NAR size in bytes. */
export interface StorePath {
  readonly path: string;
  readonly size: number;
  /** Store paths, itself left out. */
  readonly references: readonly string[];
}
