import { ask, type Answer, type Question } from "./ask.ts";
import { fieldsIn, type Fields } from "./fields.ts";

export interface LightSettings {
  readonly projectId: string;
  readonly databaseId?: string;
  /** `host:port` of an emulator. */
  readonly host?: string;
}

/** What was learnt of a document without the library; `unknown`: it has to be asked after all. */
export type LightRead =
  | { readonly state: "found"; readonly fields: Fields }
  | { readonly state: "absent" | "unknown" };

/**
 * Firestore by its REST interface, for the first things that a process asks: loading the library takes longer than the
 * rest of the answer (npm run bench -- start).
 */
export interface Light {
  read(path: string): Promise<LightRead>;
  /** Sets a document; false where only the library can. */
  write(path: string, values: Readonly<Record<string, string | number | Date>>): Promise<boolean>;
  /** Sets one field of a document that is there; `unknown`: only the library can. */
  change(path: string, field: string, value: number): Promise<"done" | "absent" | "unknown">;
}

const answerMs = 2000;
const tokenMs = 1000;
// The metadata server hands the same token out until shortly before its end.
const spareMs = 120_000;

export function createLight({ projectId, databaseId = "(default)", host }: LightSettings): Light {
  const origin = host === undefined ? "https://firestore.googleapis.com" : `http://${host}`;
  const root = `${origin}/v1/projects/${projectId}/databases/${databaseId}/documents`;
  // What the emulator takes from whoever may do anything.
  const token = host === undefined ? metadataToken() : async () => "owner";

  async function call(
    path: string,
    question: Pick<Question, "method" | "body">,
  ): Promise<Answer | undefined> {
    try {
      const headers = { authorization: `Bearer ${await token()}` };
      return await ask(`${root}/${path}`, { ...question, headers, timeoutMs: answerMs });
    } catch {
      return undefined; // no token here, or no answer: the library knows more ways, and says what is wrong
    }
  }

  return {
    async read(path) {
      const answer = await call(path, {});
      if (answer?.status === 404) return { state: "absent" };
      if (answer?.status !== 200) return { state: "unknown" };
      const { fields = {} } = JSON.parse(answer.body) as { fields?: RestFields };
      return { state: "found", fields: fieldsIn(`document ${path}`, valuesOf(fields)) };
    },
    async write(path, values) {
      const fields = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, restValue(value)]),
      );
      const answer = await call(path, { method: "PATCH", body: JSON.stringify({ fields }) });
      return answer?.status === 200;
    },
    async change(path, field, value) {
      const fields = { [field]: restValue(value) };
      const only = `updateMask.fieldPaths=${field}&currentDocument.exists=true`;
      const answer = await call(`${path}?${only}`, {
        method: "PATCH",
        body: JSON.stringify({ fields }),
      });
      if (answer?.status === 404) return "absent";
      return answer?.status === 200 ? "done" : "unknown";
    },
  };
}

/** Tokens of the account that this machine of Google's runs as; rejects on any other machine. */
function metadataToken(): () => Promise<string> {
  let held: { readonly token: string; readonly until: number } | undefined;
  return async () => {
    if (held !== undefined && performance.now() < held.until) return held.token;
    const url =
      "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
    const headers = { "metadata-flavor": "Google" };
    const { body } = await ask(url, { headers, timeoutMs: tokenMs });
    const answer = JSON.parse(body) as { access_token: string; expires_in: number };
    const until = performance.now() + answer.expires_in * 1000 - spareMs;
    held = { token: answer.access_token, until };
    return held.token;
  };
}

/** https://firebase.google.com/docs/firestore/reference/rest/v1/Value, as far as firn stores such values. */
type RestValue =
  | { readonly nullValue: null }
  | { readonly stringValue: string }
  | { readonly booleanValue: boolean }
  | { readonly integerValue: string }
  | { readonly doubleValue: number }
  | { readonly bytesValue: string }
  | { readonly timestampValue: string }
  | { readonly mapValue: { readonly fields?: RestFields } }
  | { readonly arrayValue: { readonly values?: readonly RestValue[] } };

type RestFields = Readonly<Record<string, RestValue>>;

function valuesOf(fields: RestFields): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueOf(value)]));
}

function valueOf(value: RestValue): unknown {
  if ("integerValue" in value) return Number(value.integerValue);
  if ("bytesValue" in value) return Buffer.from(value.bytesValue, "base64");
  if ("timestampValue" in value) return new Date(value.timestampValue);
  if ("mapValue" in value) return valuesOf(value.mapValue.fields ?? {});
  if ("arrayValue" in value) return (value.arrayValue.values ?? []).map(valueOf);
  return Object.values(value)[0];
}

function restValue(value: string | number | Date): RestValue {
  if (typeof value === "string") return { stringValue: value };
  if (value instanceof Date) return { timestampValue: value.toISOString() };
  return Number.isInteger(value) ? { integerValue: String(value) } : { doubleValue: value };
}
