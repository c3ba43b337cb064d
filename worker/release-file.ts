/** What a repository signs: what it is, and the checksum of each of its indexes. */
export interface ReleaseFile {
  /** The fields by which apt chooses among versions, as lines; nothing that changes with every update. */
  readonly identity: string;
  /** Path below the release, such as `main/binary-arm64/Packages.xz`, -> SHA-256 and size in bytes. */
  readonly files: ReadonlyMap<string, { readonly sha256: string; readonly size: number }>;
  /** Whether what runs anywhere is in the lists of each architecture. */
  readonly includesAll: boolean;
  /** Whether an index that was replaced can still be had by its checksum. */
  readonly byHash: boolean;
}

const identifying = [
  "Origin",
  "Label",
  "Suite",
  "Codename",
  "Version",
  "NotAutomatic",
  "ButAutomaticUpgrades",
];

/** Reads an `InRelease` or `Release` file whose signature apt has checked. [Debian wiki, DebianRepository/Format] */
export function parseReleaseFile(text: string): ReleaseFile {
  const fields = new Map<string, string>();
  const files = new Map<string, { readonly sha256: string; readonly size: number }>();
  let field = "";
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      field = name;
      fields.set(name, value);
      continue;
    }
    const [, sha256, size, path] = /^ ([0-9a-f]{64})\s+(\d+)\s+(\S+)$/.exec(line) ?? [];
    if (field !== "SHA256" || sha256 === undefined || path === undefined) continue;
    files.set(path, { sha256, size: Number(size) });
  }
  const identity = identifying.filter((name) => fields.has(name));
  return {
    identity: identity.map((name) => `${name}: ${fields.get(name)}\n`).join(""),
    files,
    // apt's own rule: what such a release signs of binary-all need not be there.
    includesAll:
      !(fields.get("Architectures") ?? "").split(" ").includes("all") ||
      fields.get("No-Support-for-Architecture-all") === "Packages",
    byHash: fields.get("Acquire-By-Hash") === "yes",
  };
}
