/**
 * A deployment is a list of resources, in the order in which they are made. Each says what it is to be like, how it is
 * made, changed and removed by gcloud, and why it is there. Readings say what is there already. `difference.ts`
 * compares the two, and `carry-out.ts` does what is left.
 *
 *     part = { resources: [topic "firn-jobs", ...], readings: [gcloud pubsub topics list] }
 *
 *     readings ──► Live: kind and name -> properties ──┐
 *     resources ─────────────────────────────────────┴──► steps: create, update, remove
 *
 * To add a kind of thing, write a file that gives a `Part` and name it in `deployment.ts`. Nothing else knows kinds.
 * A resource is the same one as another if `kind` and `name` are; `wanted` holds all that makes it what it is, under
 * the names of Google's own interface, so that two lists can be compared, such as this one and Terraform's. Of `wanted`
 * only what its reading reports is compared with what is there: what Google changes by itself is not reported.
 */
export interface Part {
  readonly resources: readonly Resource[];
  readonly readings: readonly Reading[];
}

/** Parts as one, in their order. */
export function joined(parts: readonly Part[]): Part {
  return {
    resources: parts.flatMap(({ resources }) => resources),
    readings: parts.flatMap(({ readings }) => readings),
  };
}

export type Value =
  | string
  | number
  | boolean
  | readonly Value[]
  | { readonly [name: string]: Value };
export type Properties = Readonly<Record<string, Value>>;

/** Which resource: `kind` is a word of ours, `name` is Google's, without project and region. */
export interface Reference {
  readonly kind: string;
  readonly name: string;
}

export interface Resource extends Reference {
  /** Why it is needed, as the end of "because ...". */
  readonly why: string;
  readonly wanted: Properties;
  readonly create: readonly Command[];
  /** Makes what is there what it is to be; without it `create` does that as well. */
  readonly update?: (live: Properties) => readonly Command[];
  /** What Google names itself is removed by what a reading saw of it. */
  readonly remove: readonly Command[] | ((live: Properties) => readonly Command[]);
  /** Properties that cannot be changed once it is there, and what somebody can do who finds them different. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Only people make it, and `create` is empty: what they can do where it is not there. */
  readonly missing?: string;
  /** What it is a part of, and goes with. */
  readonly within?: Reference;
  /** Stays when the rest is removed: `data` unless it is asked for, `shared` since others may use it. */
  readonly keeps?: "data" | "shared";
  /** Of another setting: it is removed where it is there. */
  readonly unwanted?: true;
}

/** A program of the operator's machine with its arguments; gcloud is also told the project. */
export interface Command {
  readonly program: "gcloud" | "docker" | "bundle";
  readonly args: readonly string[];
  /** What gcloud reads where a flag names the file `-`. */
  readonly input?: string;
  /** It removes something, and that this is gone already is no failure. */
  readonly mayBeGone?: true;
}

/** One question about what is there. */
export interface Reading {
  /** Arguments of gcloud, which answers in JSON. */
  readonly args: readonly string[];
  /** The API that it asks: where it is not enabled, nothing is there. */
  readonly api: string;
  /** It is asked only where this is there. */
  readonly of?: Reference;
  readonly read: (answer: unknown) => readonly (Reference & { readonly live: Properties })[];
}

/**
 * What is there, by `keyOf`. The property `given` is compared with nothing, and commands need it: what Google made up
 * itself, such as a name of its own, or what has to be undone when something else takes its place.
 */
export type Live = ReadonlyMap<string, Properties>;

export function keyOf({ kind, name }: Reference): string {
  return `${kind} ${name}`;
}

/** A command of gcloud: its words, and what they are about. */
export function gcloud(words: string, ...args: readonly string[]): Command {
  return { program: "gcloud", args: [...words.split(" "), ...args] };
}

/** A resource that the settings do not ask for, and that they asked for before perhaps. */
export function notWanted(resource: Resource): Resource {
  return { ...resource, unwanted: true };
}
