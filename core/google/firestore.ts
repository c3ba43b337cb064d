import type { Firestore } from "@google-cloud/firestore";
import type { Fields } from "./fields.ts";
import { createLight, type Light } from "./light.ts";

export interface FirestoreSettings {
  readonly projectId: string;
  readonly databaseId?: string;
  /** `host:port` of another Firestore than Google's, such as an emulator, which speaks without TLS. */
  readonly host?: string;
  readonly ssl?: boolean;
}

/** A connection to Firestore that is made when it is first needed; disposing of it closes what was opened. */
export interface FirestoreConnection extends AsyncDisposable {
  open(): Promise<Firestore>;
  /** A way around the library, as long as nothing has loaded it. */
  light(): Light | undefined;
}

/** The library takes about half a second to load. */
export function connectFirestore(settings: FirestoreSettings): FirestoreConnection {
  let opened: Promise<Firestore> | undefined;
  const light = createLight(settings);
  const open = async () => {
    const { Firestore: Client } = await import("./firestore-library.ts");
    return new Client({ ...settings });
  };
  return {
    open: () => (opened ??= open()),
    light: () => (opened === undefined ? light : undefined),
    /** All watches have to be over by then: the library refuses otherwise. */
    async [Symbol.asyncDispose]() {
      await (await opened)?.terminate();
    },
  };
}

/** Reads a document around the library where that is possible, and else as `look` does by the library. */
export async function readLightly<T>(
  connection: FirestoreConnection,
  path: string,
  decode: (fields: Fields) => T,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const light = await connection.light()?.read(path);
  if (light?.state === "found") return decode(light.fields);
  return light?.state === "absent" ? undefined : await look();
}

/** The emulator that an environment names, as Google's own libraries understand it; nothing where it names none. */
export function emulatorOf(
  environment: Readonly<Record<string, string | undefined>>,
): Pick<FirestoreSettings, "host" | "ssl"> {
  const host = environment["FIRESTORE_EMULATOR_HOST"];
  return host === undefined ? {} : { host, ssl: false };
}

/** Firestore has not answered; what was to be written may have been, or may still be. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

const answerMs = 10_000;

/**
 * What Firestore answers; rejects with `NoAnswer` after ten seconds. The library itself goes on for ten minutes when
 * nobody is there, and each pull would hang as long.
 */
export async function answered<T>(what: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new NoAnswer(`Firestore did not answer within ${answerMs / 1000} s: ${what}`));
  }, answerMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What became of a write: it is there, somebody else was quicker, or only reading can tell. */
export type Written =
  | { readonly state: "done" | "lost" }
  | { readonly state: "in doubt"; readonly error: unknown };

// google.rpc.Code: NOT_FOUND, ALREADY_EXISTS and FAILED_PRECONDITION.
const lost: ReadonlySet<unknown> = new Set([5, 6, 9]);
// UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL (a stream that broke) and UNAVAILABLE. The first is what the emulator
// says at times when a watch has just ended.
const inDoubt: ReadonlySet<unknown> = new Set([2, 4, 10, 13, 14]);

/** Waits for a write that has preconditions. Rejects with what is neither a lost race nor a lost answer. */
export async function written(what: string, commit: Promise<unknown>): Promise<Written> {
  try {
    await answered(what, commit);
    return { state: "done" };
  } catch (error) {
    if (error instanceof NoAnswer) return { state: "in doubt", error };
    const said = error instanceof Error && "code" in error ? error.code : undefined;
    if (lost.has(said)) return { state: "lost" };
    if (inDoubt.has(said)) return { state: "in doubt", error };
    throw error;
  }
}
