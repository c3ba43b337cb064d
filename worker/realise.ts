import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Package, Realised, StorePath, Wanted } from "../core/ports.ts";
import { callNix, isBuildExit, isOutage, type NixTools } from "./nix-command.ts";
import { createNixLog } from "./nix-log.ts";
import { PackageFault } from "./package-fault.ts";
import { boundedText, plainText } from "./plain-text.ts";
import { CommandFailed } from "./run.ts";
import { excessText, type Bounds } from "./watch.ts";

export interface RealiseTools {
  readonly roots: string;
  /** What builds for one image may take. */
  readonly bounds?: Bounds | undefined;
}

/** What Nix is asked to realise of packages: some outputs of derivations. */
export function derivationsOf(packages: readonly Package[]): readonly string[] {
  return packages.map(
    ({ derivation, outputs }) => `${derivation}!${outputs.map(({ name }) => name).join(",")}`,
  );
}

/** Builds or fetches outputs; throws where the machine is to blame rather than a package. */
export async function realise(
  tools: NixTools & RealiseTools,
  wanted: Wanted,
  signal: AbortSignal,
  outputs = derivationsOf(wanted.packages),
): Promise<Realised> {
  const log = createNixLog(wanted.onProgress);
  const folder = folderOf(tools.roots, wanted.root);
  await mkdir(folder, { recursive: true });
  try {
    await callNix(tools, {
      file: "nix-store",
      args: [
        "--realise",
        "--add-root",
        join(folder, "out"),
        "--indirect",
        "--log-format",
        "internal-json",
        "--verbose",
        "--",
        ...outputs,
      ],
      signal,
      timeoutMs: wanted.timeoutMs,
      bounds: tools.bounds,
      network: "way-out",
      onErrorLine: log.line,
    });
    return { state: "realised" };
  } catch (error) {
    if (!(error instanceof CommandFailed) || error.outcome.missing) throw error;
    if (error.outcome.timedOut) {
      const minutes = Math.round(wanted.timeoutMs / 6000) / 10;
      return {
        state: "timed-out",
        message: `the build took longer than ${minutes} minutes`,
        log: log.tail(),
      };
    }
    if (error.outcome.excess !== undefined) {
      const building = log.building().map((name) => ` of ${name}`);
      const message = `the build${building.join(",")} was stopped: ${excessText(error.outcome.excess)}`;
      return { state: "build-failed", message: boundedText(message), log: log.tail() };
    }
    const message = boundedText(withoutRepeats(log.errors).map(forPeople).join("\n"));
    const isOurs = log.errors.some(isOutage) || !isBuildFailure(error.outcome.exitCode, log.errors);
    if (isOurs) {
      const said = [message || error.message, ...log.warnings].join("; ");
      throw new Error(`Nix could not realise the packages: ${said}`, { cause: error });
    }
    return { state: "build-failed", message, log: log.tail() };
  }
}

/** Removes what keeps outputs in the store; Nix forgets links that lead nowhere by itself. */
export async function release(tools: { readonly roots: string }, root: string): Promise<void> {
  await rm(folderOf(tools.roots, root), { recursive: true, force: true });
}

function folderOf(roots: string, root: string): string {
  return join(roots, "builds", root);
}

function isBuildFailure(exitCode: number | undefined, errors: readonly string[]): boolean {
  return isBuildExit(exitCode) || errors.some((error) => packageErrors.test(error));
}

// For these Nix ends with 1, as for everything else. The last but one: a builder that imitates Nix's own log.
const packageErrors = new RegExp(
  [
    "required to build|has to be built for|is required, but|cannot build|hash mismatch",
    "don't know how to build|does not have (?:an output|wanted outputs)|is not a derivation",
    // A builder that fetches and fails: Nix takes that for an outage, and nobody would see its log.
    "^builder for '[^'\n]*' failed|builder failed with exit code|killed after writing more than",
    "failed to produce output path|has an unsupported type|suspicious ownership or permission",
    "is not allowed to refer to|cycle detected",
    "^\\[json\\.exception\\.",
    ": (?:File name too long|Too many levels of symbolic links)$",
  ].join("|"),
  "m",
);

function withoutRepeats(errors: readonly string[]): readonly string[] {
  const builders = errors.filter((error) => /^builder for|hash mismatch/.test(error));
  return [...new Set(builders.length > 0 ? builders : errors)];
}

// Of a store path people know the name; of the machine's system they need to know that it is another.
function forPeople(error: string): string {
  const named = error.replace(/\/nix\/store\/[0-9a-z]{32}-([^' ]+?)(?:\.drv)?(?=['\s]|$)/g, "$1");
  return named.replace(
    /^a '([^']+)' with features \{.*?\} is required to build '([^']+)', but I am a '([^']+)' with features.*$/s,
    "$2 has to be built for $1, which this machine, a $3, cannot do, and no binary cache has it: FIRN_NIX_CONFIG can name a cache that has it (substituters), or a machine that builds it (builders)",
  );
}

/** Asks for the closure of store paths, in each of the shapes in which Nix has printed it. */
export async function closure(
  tools: NixTools,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly StorePath[]> {
  const { stdout } = await callNix(tools, {
    file: "nix",
    args: [
      "--extra-experimental-features",
      "nix-command",
      "path-info",
      "--json",
      "--recursive",
      "--",
      ...paths,
    ],
    signal,
  }).catch((error: unknown) => {
    const said = error instanceof CommandFailed ? error.outcome.stderr : "";
    const [, path] = /^error: path '([^']+)' is not valid/m.exec(plainText(said)) ?? [];
    if (path === undefined) throw error;
    // Nix has made what the derivation promises, and this is something else.
    throw new PackageFault(`no derivation of the image makes ${path}`, { cause: error });
  });
  return parsePathInfo(stdout);
}

/** Reads `nix path-info --json`: a list in Nix 2.8, an object by path since 2.19, one inside `info` since 2.33. */
export function parsePathInfo(text: string): readonly StorePath[] {
  const parsed = JSON.parse(text) as unknown;
  if (Array.isArray(parsed)) {
    return parsed.map((entry: PathInfo) => storePath(String(entry.path), entry, ""));
  }
  const outer = parsed as Readonly<Record<string, unknown>>;
  const nested = "info" in outer && "version" in outer;
  const infos = (nested ? outer["info"] : outer) as Readonly<Record<string, PathInfo>>;
  const folder = nested && typeof outer["storeDir"] === "string" ? outer["storeDir"] : "/nix/store";
  return Object.entries(infos).map(([path, entry]) => storePath(path, entry, folder));
}

interface PathInfo {
  readonly path?: string;
  readonly narSize?: number;
  readonly references?: readonly string[];
}

function storePath(name: string, entry: PathInfo | null, folder: string): StorePath {
  const whole = (path: string) => (path.startsWith("/") ? path : `${folder}/${path}`);
  const path = whole(name);
  const { narSize, references } = entry ?? {};
  if (typeof narSize !== "number" || !Array.isArray(references)) {
    throw new Error(`Nix told nothing of ${path}: it is not valid in the store`);
  }
  return { path, size: narSize, references: references.map(whole).filter((each) => each !== path) };
}
