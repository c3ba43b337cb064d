import { RegistryError } from "./errors.ts";
import { compareBytes } from "./bytewise.ts";

/** The processor architectures an image can be made for, in the words of the OCI image specification. */
export type Architecture = "amd64" | "arm64";

/**
 * What somebody asked for, in canonical form: two names that mean the same image are equal here.
 * `packages` are attribute paths as they were written (`python3packages.requests`), sorted bytewise, each once.
 */
export interface Image extends Contents {
  readonly architecture: Architecture;
}

interface Contents {
  readonly shell: boolean;
  readonly packages: readonly string[];
}

/** The platforms that a registry serves; the first is that of clients which take no index. */
export type Platforms = readonly [Architecture, ...Architecture[]];

/** What `shell` stands for. A package set that lacks one of these is served without it. */
export const shellPackages: readonly string[] = [
  "bashInteractive",
  "coreutils",
  "findutils",
  "gawk",
  "gnugrep",
  "gnused",
  "gnutar",
  "gzip",
  "less",
  "nano",
  "procps",
  "which",
];

/** In every image where the package set has it: CA certificates. */
export const everywherePackages: readonly string[] = ["cacert"];

// The specification's grammar for <name>; 255 is what clients accept.
const namePattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const nameLimit = 255;

/** Throws NAME_INVALID where a name is none by the specification, whether or not it could be that of an image. */
export function checkName(name: string): void {
  if (name.length > nameLimit) {
    throw nameInvalid(
      `an image name has at most ${nameLimit} characters, this one has ${name.length}; clients count the registry's host as well`,
    );
  }
  if (!namePattern.test(name)) {
    throw nameInvalid(
      `"${name}" is not an image name: package names in lower case, letters, digits and . _ - between them, joined by /`,
    );
  }
}

/**
 * Reads an image name such as `shell/arm64/git/htop`: one image where the name says its platform, otherwise one for each
 * of `platforms`, in their order. Throws NAME_INVALID that says what is wrong with it.
 */
export function parseImages(
  name: string,
  [first, ...others]: Platforms,
): readonly [Image, ...Image[]] {
  const { architecture, ...contents } = parseName(name);
  if (architecture !== undefined) return [{ architecture, ...contents }];
  const image = (each: Architecture): Image => ({ architecture: each, ...contents });
  return [image(first), ...others.map(image)];
}

/** Reads an image name for one platform, `fallback` where it does not say which. */
export function parseImage(name: string, fallback: Architecture): Image {
  return parseImages(name, [fallback])[0];
}

function parseName(name: string): Contents & { readonly architecture: Architecture | undefined } {
  checkName(name);
  const components = name.split("/");
  const options = components.findIndex((component) => !isOption(component));
  const leading = options === -1 ? components : components.slice(0, options);
  const packages = options === -1 ? [] : components.slice(options);
  const shell = leading.includes("shell");
  const architectures = [...new Set(leading.filter(isArchitecture))];
  if (architectures.length > 1) {
    throw nameInvalid(`"${name}" names two platforms, ${architectures.join(" and ")}: choose one`);
  }
  if (packages.length === 0 && !shell) {
    throw nameInvalid(`"${name}" names a platform but no package: add one, such as ${name}/bash`);
  }
  return {
    architecture: architectures[0],
    shell,
    packages: [...new Set(packages)].sort(compareBytes),
  };
}

/** The image's canonical name: what `parseImage` reads as the same image, for messages and logs. */
export function imageName(image: Image): string {
  return [image.architecture, ...(image.shell ? ["shell"] : []), ...image.packages].join("/");
}

function isOption(component: string): boolean {
  return component === "shell" || isArchitecture(component);
}

function isArchitecture(component: string): component is Architecture {
  return component === "amd64" || component === "arm64";
}

function nameInvalid(message: string): RegistryError {
  return new RegistryError(400, "NAME_INVALID", message);
}
