/** What a `.deb` is and needs, as apt's lists tell it. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  /** In bytes, compressed. */
  readonly size: number;
  readonly description: string;
  readonly homepage: string | undefined;
  /** Pre-Depends and Depends as they stand; `dependenciesOf` reads them for the few that matter. */
  readonly relations: string;
}

/** The newest version of each package that this machine can run. */
export interface DebianIndex {
  readonly packages: ReadonlyMap<string, DebianPackage>;
  /** Virtual package -> names of the packages that provide it, sorted. */
  readonly providers: ReadonlyMap<string, readonly string[]>;
}

export interface IndexReader {
  readonly take: (line: string) => void;
  readonly end: () => DebianIndex;
}

// Everything else is dropped as it passes: the lists are 50 MB, of which this is a tenth.
const keptFields = new Set([
  "Package",
  "Version",
  "Architecture",
  "SHA256",
  "Size",
  "Description",
  "Homepage",
  "Depends",
  "Pre-Depends",
  "Provides",
]);

/** Reads the output of `apt-cache dumpavail` line by line: stanzas of `Field: value`, an empty line after each. */
export function createIndexReader(architecture: string): IndexReader {
  const packages = new Map<string, DebianPackage>();
  const providers = new Map<string, string[]>();
  let stanza = new Map<string, string>();

  function take(line: string): void {
    if (line === "") return endStanza();
    const colon = line.indexOf(":");
    const field = line.slice(0, colon);
    if (keptFields.has(field)) stanza.set(field, line.slice(colon + 1).trim());
  }

  function endStanza(): void {
    const found = packageOf(stanza);
    const provides = namesIn(stanza.get("Provides")).flat();
    stanza = new Map();
    if (found === undefined) return;
    // With foreign architectures enabled, apt lists those as well.
    if (found.architecture !== architecture && found.architecture !== "all") return;
    packages.set(found.name, found);
    for (const virtual of provides) {
      const known = providers.get(virtual);
      if (known === undefined) providers.set(virtual, [found.name]);
      else known.push(found.name);
    }
  }

  function end(): DebianIndex {
    endStanza();
    for (const names of providers.values()) names.sort();
    return { packages, providers };
  }

  return { take, end };
}

function packageOf(stanza: ReadonlyMap<string, string>): DebianPackage | undefined {
  const name = stanza.get("Package");
  const version = stanza.get("Version");
  const architecture = stanza.get("Architecture");
  const sha256 = stanza.get("SHA256");
  // What was installed from a file and is in no archive has no checksum, and could not be downloaded.
  if (name === undefined || version === undefined) return undefined;
  if (architecture === undefined || sha256 === undefined) return undefined;
  return {
    name,
    version,
    architecture,
    sha256,
    size: Number(stanza.get("Size")),
    description: stanza.get("Description") ?? "",
    homepage: stanza.get("Homepage"),
    relations: `${stanza.get("Pre-Depends") ?? ""},${stanza.get("Depends") ?? ""}`,
  };
}

/**
 * Reads a relationship field, `a (>= 1), b:any | c`, without versions and architectures: within one
 * release's lists they agree. (Debian Policy, section 7.1.)
 */
function namesIn(field: string | undefined): readonly (readonly string[])[] {
  if (field === undefined) return [];
  return field
    .split(",")
    .filter((group) => group.trim() !== "")
    .map((group) => group.split("|").map((one) => one.trim().replace(/[\s:([].*$/, "")));
}

/**
 * What of the index satisfies `name`'s dependencies, sorted. `isLeftOut` takes a dependency away,
 * and with it its alternatives: `debconf | debconf-2.0` is one wish. Throws if nothing satisfies one.
 */
export function dependenciesOf(
  index: DebianIndex,
  name: string,
  isLeftOut: (name: string) => boolean,
): readonly string[] {
  const needs = namesIn(index.packages.get(name)?.relations);
  const chosen = needs
    .filter((alternatives) => !alternatives.some(isLeftOut))
    .map((alternatives) => chooseAmong(index, name, alternatives));
  return [...new Set(chosen)].filter((other) => other !== name).sort();
}

function chooseAmong(index: DebianIndex, name: string, alternatives: readonly string[]): string {
  const real = alternatives.find((alternative) => index.packages.has(alternative));
  const provider = alternatives.flatMap((virtual) => index.providers.get(virtual) ?? [])[0];
  const chosen = real ?? provider;
  if (chosen !== undefined) return chosen;
  throw new Error(
    `the Debian package ${name} needs ${alternatives.join(" or ")}, which apt's lists do not have`,
  );
}

/** The version as upstream gave it: `1:2.39.5-0+deb12u3` is 2.39.5. */
export function upstreamVersion(version: string): string {
  return version
    .replace(/^\d+:/, "")
    .replace(/-[^-]*$/, "")
    .replace(/[+~](?:deb\d|dfsg|ds\d*$|ubuntu).*$/, "");
}
