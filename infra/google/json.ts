/** Reads gcloud's answers, whose shape is Google's to decide: what is not there, or is something else, is left out. */
export function listIn(answer: unknown): readonly Answer[] {
  return Array.isArray(answer) ? answer.map(objectIn) : [];
}

export type Answer = Readonly<Record<string, unknown>>;

export function objectIn(value: unknown): Answer {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What is at `path` in an answer. */
export function at(answer: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, member) => objectIn(value)[member], answer);
}

/** The text at `path`, "" if there is none. */
export function textAt(answer: unknown, ...path: readonly string[]): string {
  const value = at(answer, ...path);
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** The last part of a name such as `projects/p/topics/t`. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
