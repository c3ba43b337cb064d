import type { Value } from "./hcl-functions.ts";

/** What is in a block of Terraform's. */
export type Body = Readonly<Record<string, Value>>;

/** The blocks of a name. */
export function all(values: Body, name: string): readonly Body[] {
  return (values[name] ?? []) as readonly Body[]; // as the parser has blocks
}

/** The only block of a name. Throws an Error where there is another number of them. */
export function one(values: Body, name: string): Body {
  const [only, ...more] = all(values, name);
  if (only === undefined || more.length > 0) throw new Error(`${name} is needed once`);
  return only;
}

/** A text or a number, as text. Throws an Error for anything else. */
export function text(value: Value | undefined): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new Error(`${JSON.stringify(value)} is no text`);
}

/** The last part of a path of Google's. */
export function last(value: Value | undefined): string {
  return text(value).split("/").at(-1) ?? "";
}

/** Whether these are blocks of one name, as the parser has them, or objects in a list. */
export function isBlocks(value: Value | undefined): value is readonly Body[] {
  return Array.isArray(value) && value.some((each) => typeof each === "object" && each !== null);
}
