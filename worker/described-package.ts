/** What of a package's description has to be checked: a package set may claim anything. */
export interface DescribedPackage {
  readonly name: unknown;
  readonly version: unknown;
  readonly derivation: unknown;
  readonly outputs: readonly { readonly name: unknown; readonly path: unknown }[];
  readonly mainProgram: unknown;
}

export interface CheckedPackage {
  readonly name: string;
  readonly version: string;
  readonly derivation: string;
  readonly outputs: readonly { readonly name: string; readonly path: string }[];
  readonly mainProgram: string | undefined;
}

const storePath = /^\/nix\/store\/[0-9a-z]{32}-[0-9a-zA-Z+\-._?=]+$/;
const outputName = /^[0-9a-zA-Z+\-._?=]+$/;

/**
 * Checks what a package set says of a package. What Nix would be called with has to be what it claims to be; a string
 * is what is wrong with it. Name and version become one word of printable ASCII each, "" where there is none: they
 * stand in labels.
 */
export function checkPackage(described: DescribedPackage): CheckedPackage | string {
  const { derivation, mainProgram } = described;
  if (!isStorePath(derivation) || !derivation.endsWith(".drv")) {
    return `its drvPath ${JSON.stringify(derivation)} is not a derivation in the Nix store`;
  }
  const outputs: { name: string; path: string }[] = [];
  for (const { name, path } of described.outputs) {
    if (typeof name !== "string" || !outputName.test(name)) {
      return `${JSON.stringify(name)} is not the name of an output`;
    }
    if (!isStorePath(path)) return `its outPath ${JSON.stringify(path)} is not in the Nix store`;
    outputs.push({ name, path });
  }
  return {
    name: word(described.name),
    version: word(described.version),
    derivation,
    outputs,
    mainProgram: isProgram(mainProgram) ? mainProgram : undefined,
  };
}

function isStorePath(value: unknown): value is string {
  return typeof value === "string" && storePath.test(value);
}

/** A value as it may stand in a label: one word of printable ASCII, "" for what is not text. */
export function word(value: unknown): string {
  return typeof value === "string" ? value.replace(/[^!-~]/g, "_") : "";
}

/** Whether a value is the name of a program in a folder of them. */
export function isProgram(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("/");
}
