import type { Ended } from "./program.ts";
import type { Space } from "./space.ts";

/** A program that pulls, with storage of its own. References are as on a command line: `localhost:8080/hello:latest`. */
export interface Client {
  /** The version it says it has. */
  readonly version: string;
  pull(reference: string): Promise<Ended>;
  /** Looks at an image that was pulled. */
  inspect(reference: string): Promise<Inspected>;
  /** Runs a command of an image that was pulled, without a network. */
  run?(reference: string, ...command: readonly string[]): Promise<Ended>;
  tags?(repository: string): Promise<readonly string[]>;
  /** Gives a registry its name and password, to be used from then on; some only use them when they pull. */
  signIn?(host: string, user: string, password: string): Promise<Ended>;
  /** Pushes what was pulled, under another name. */
  push?(reference: string, to: string): Promise<Ended>;
}

/** What a client knows of an image. */
export interface Inspected {
  /** Under which the client knows it there: of the manifest, and of an index that led to it. */
  readonly digests: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface ClientKind {
  readonly name: string;
  /** What has to be installed. */
  readonly programs: readonly string[];
  /** What it does beyond pulling and inspecting: the optional methods of `Client`. */
  readonly can: readonly ("run" | "tags" | "push" | "sign in")[];
  /** Starts it in a space; throws with what it said where it does not start. */
  start(space: Space): Promise<Client>;
}

/** What a command that has to succeed printed. */
export async function printed(ended: Promise<Ended>): Promise<string> {
  const { exitCode, stdout, all } = await ended;
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}:\n${all}`);
  return stdout;
}

/** The same, as JSON that its caller knows the shape of. */
export async function printedJson<T>(ended: Promise<Ended>): Promise<T> {
  return JSON.parse(await printed(ended)) as T;
}

/** The part of a text that looks like a version. */
export function versionIn(text: string): string {
  return /\d+\.\d+\.\d+[\w.+~-]*/.exec(text)?.[0] ?? text.trim();
}

/** The digests among references such as `localhost:8080/hello@sha256:…` that are of the repository of another one. */
export function digestsAmong(references: readonly string[], reference: string): readonly string[] {
  const prefix = `${repositoryOf(reference)}@`;
  return references
    .filter((each) => each.startsWith(prefix))
    .map((each) => each.slice(prefix.length));
}

/** `localhost:8080/hello` of `localhost:8080/hello:latest` and of `localhost:8080/hello@sha256:…`. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
}
