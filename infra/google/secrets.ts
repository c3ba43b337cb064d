import { lastPart, listIn, textAt } from "./json.ts";
import { joined, type Part } from "./resource.ts";

/**
 * Settings that name files, in a deployment: `FIRN_USERS=secret:firn-users` is a secret of Secret Manager that somebody
 * made, mounted where the program runs, and the program is told the path. A secret is people's: its content is never
 * read here, and it is neither made nor removed; the right to it is given to who mounts it, and taken away again.
 */
export interface Secret {
  readonly name: string;
  /** A number, or `latest`, which is read anew each time that the file is. */
  readonly version: string;
}

/** By the variable of the setting. */
export type Secrets = Readonly<Record<string, Secret>>;

/** Reads `secret:<name>` or `secret:<name>:<version>`. Throws an Error that says what to write, and how a file becomes a secret. */
export function parseSecret(variable: string, text: string, project: string): Secret {
  const [, name, version = "latest"] =
    /^secret:([\w-]{1,255})(?::(latest|[1-9]\d*))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, version };
  const usual = variable.toLowerCase().replaceAll("_", "-");
  if (text.startsWith("secret:")) {
    throw new Error(
      `"${text}" is not secret:<name> or secret:<name>:<version>, such as secret:${usual} or secret:${usual}:3`,
    );
  }
  throw new Error(
    `"${text}" is a file that would not be there: make a secret of it, ${making(usual, project, text)}, and write ${variable}=secret:${usual}`,
  );
}

function making(name: string, project: string, file: string): string {
  return `gcloud secrets create ${name} --project=${project} --replication-policy=automatic --data-file=${file}`;
}

/** What a program is told: the paths. */
export function pathsOf(secrets: Secrets): Readonly<Record<string, string>> {
  const entries = Object.entries(secrets).map(([variable, each]) => [variable, pathOf(each)]);
  return Object.fromEntries(entries) as Record<string, string>; // texts both
}

/** What is mounted where: `<name>:<version>` by path. */
export function mountsOf(secrets: Secrets): Readonly<Record<string, string>> {
  const entries = Object.values(secrets).map((each) => [pathOf(each), referenceOf(each)]);
  return Object.fromEntries(entries) as Record<string, string>; // texts both
}

// Cloud Run mounts one secret a folder.
function pathOf({ name, version }: Secret): string {
  return `/secrets/${name}/${version}/value`;
}

function referenceOf({ name, version }: Secret): string {
  return `${name}:${version}`;
}

/** The names of the secrets, each once. */
export function namesOf(secrets: Secrets): readonly string[] {
  return [...new Set(Object.values(secrets).map(({ name }) => name))];
}

/** Every secret that functions or worker mount: whether it is there, with a version that can be read. */
export function secretsPart(project: string, ...used: readonly Secrets[]): Part {
  const settings = used.flatMap((secrets) => Object.entries(secrets));
  const byName = Map.groupBy(settings, ([, { name }]) => name);
  const parts = [...byName].map(([name, group]): Part => {
    const versions = [...new Set(group.map(([, { version }]) => version))].sort();
    const variables = [...new Set(group.map(([variable]) => variable))];
    const file = `<file for ${variables.join(", ")}>`;
    return {
      resources: [
        {
          kind: "secret",
          name,
          why: `${variables.join(", ")} is read from it`,
          wanted: { versions },
          create: [],
          remove: [],
          keeps: "shared",
          missing: `make it: ${making(name, project, file)}`,
          fixed: {
            versions: `add one, gcloud secrets versions add ${name} --project=${project} --data-file=${file}, or enable what is there, gcloud secrets versions enable <version> --secret=${name} --project=${project}`,
          },
        },
      ],
      readings: [
        {
          args: ["secrets", "versions", "list", name],
          api: "secretmanager.googleapis.com",
          read: (answer) => [
            { kind: "secret", name, live: { versions: readable(versions, answer) } },
          ],
        },
      ],
    };
  });
  return joined(parts);
}

// `latest` is the newest one, also where that is disabled, and only an older one could be read.
function readable(versions: readonly string[], answer: unknown): readonly string[] {
  const states = new Map(
    listIn(answer).map((each) => [Number(lastPart(textAt(each, "name"))), textAt(each, "state")]),
  );
  const newest = Math.max(0, ...states.keys());
  const numberOf = (version: string) => (version === "latest" ? newest : Number(version));
  return versions.filter((version) => states.get(numberOf(version))?.toUpperCase() === "ENABLED");
}
