import type { DocumentSnapshot } from "@google-cloud/firestore";

/**
 * The fields of a stored document, checked as they are read. Each reader throws an Error that names document and
 * field where something else is stored. Fields nobody asks for may be there: a later version has written them.
 */
export interface Fields {
  text(name: string): string;
  texts(name: string): readonly string[];
  number(name: string): number;
  truth(name: string): boolean;
  bytes(name: string): Uint8Array;
  /** One of some words; they are named as keys, so that the compiler asks for each of a union's. */
  word<W extends string>(name: string, words: Readonly<Record<W, true>>): W;
  /** What a reader makes of a text; undefined is not accepted. */
  parsed<T>(name: string, parse: (text: string) => T | undefined): T;
  map(name: string): Fields;
  /** Whether there is anything; null is how absence is written, so that an update removes what was there. */
  has(name: string): boolean;
}

/** The fields of a document; undefined where there is none. */
export function fieldsOf(snapshot: DocumentSnapshot): Fields | undefined {
  const data: unknown = snapshot.data();
  return isMap(data) ? fieldsIn(`document ${snapshot.ref.path}`, data) : undefined;
}

/** Values that were decoded already; `where` names their document in errors. */
export function fieldsIn(where: string, values: Readonly<Record<string, unknown>>): Fields {
  function read<T>(name: string, expected: string, is: (value: unknown) => value is T): T {
    const value = values[name];
    if (is(value)) return value;
    throw new Error(
      `${where} cannot be read: its "${name}" should be ${expected}, not ${show(value)}`,
    );
  }
  const text = (name: string) => read(name, "a text", isText);
  return {
    text,
    texts: (name) => read(name, "a list of texts", isTexts),
    number: (name) => read(name, "a number", isNumber),
    truth: (name) => read(name, "true or false", isTruth),
    bytes: (name) => read(name, "bytes", isBytes),
    word: <W extends string>(name: string, words: Readonly<Record<W, true>>) =>
      read(
        name,
        `one of ${Object.keys(words).join(", ")}`,
        (value): value is W => typeof value === "string" && Object.hasOwn(words, value),
      ),
    parsed(name, parse) {
      const value = parse(text(name));
      if (value !== undefined) return value;
      throw new Error(`${where} cannot be read: its "${name}" is ${show(values[name])}`);
    },
    map: (name) => fieldsIn(`"${name}" of ${where}`, read(name, "a map", isMap)),
    has: (name) => values[name] !== undefined && values[name] !== null,
  };
}

const isText = (value: unknown) => typeof value === "string";
const isNumber = (value: unknown) => typeof value === "number";
const isTruth = (value: unknown) => typeof value === "boolean";
const isBytes = (value: unknown) => value instanceof Uint8Array;

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isBytes(value);
}

function show(value: unknown): string {
  return isBytes(value)
    ? `${value.byteLength} bytes`
    : (JSON.stringify(value) ?? "missing").slice(0, 100);
}
