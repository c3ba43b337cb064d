import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** What an expression of Terraform's can come to; sets are lists here. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [name: string]: Value };

const list = (value: Value | undefined): readonly Value[] => {
  if (Array.isArray(value)) return value;
  throw new Error(`${JSON.stringify(value)} is no list`);
};
const text = (value: Value | undefined): string => {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${JSON.stringify(value)} is no text`);
};

const flatten = (value: Value | undefined): readonly Value[] =>
  list(value).flatMap((each) => (Array.isArray(each) ? flatten(each) : [each]));

/** Those functions of Terraform's that infra/google/terraform calls; `can` and `try` are in hcl-expression.ts. */
export const functions: Readonly<Record<string, (...args: readonly Value[]) => Value>> = {
  base64encode: (value) => Buffer.from(text(value)).toString("base64"),
  coalesce: (...values) => {
    const found = values.find((each) => each !== null && each !== "");
    if (found === undefined) throw new Error("no argument of coalesce has a value");
    return found;
  },
  concat: (...lists) => lists.flatMap(list),
  contains: (values, value) => list(values).some((each) => each === value),
  file: (path) => readFileSync(text(path), "utf8"),
  flatten,
  floor: (value) => Math.floor(Number(value)),
  jsondecode: (value) => JSON.parse(text(value)) as Value, // JSON is nothing else
  jsonencode: (value) => JSON.stringify(value),
  keys: (value) => Object.keys(value ?? {}).sort(),
  max: (...values) => Math.max(...values.map(Number)),
  merge: (...values) => Object.assign({}, ...values) as Value, // of maps
  regex: (pattern, value) => {
    const [found] = new RegExp(text(pattern)).exec(text(value)) ?? [];
    if (found === undefined) throw new Error(`${text(value)} does not match ${text(pattern)}`);
    return found;
  },
  replace: (value, from, to) => text(value).replaceAll(text(from), text(to)),
  sha256: (value) => createHash("sha256").update(text(value)).digest("hex"),
  split: (separator, value) => text(value).split(text(separator)),
  substr: (value, offset, length) =>
    text(value).slice(Number(offset), Number(offset) + Number(length)),
  templatefile: (path, variables) => {
    const known = variables as Readonly<Record<string, Value>>; // Terraform takes nothing else
    return readFileSync(text(path), "utf8").replaceAll(
      /([$%])\1\{|\$\{(\w+)\}/g,
      (_, escaped: string | undefined, name: string) =>
        escaped === undefined ? text(known[name]) : `${escaped}{`,
    );
  },
  // Of texts, in their order.
  toset: (values) =>
    [...new Set(list(values))].sort((one, other) => (text(one) < text(other) ? -1 : 1)),
  tostring: (value) => text(value),
  trimprefix: (value, prefix) =>
    text(value).startsWith(text(prefix)) ? text(value).slice(text(prefix).length) : text(value),
  upper: (value) => text(value).toUpperCase(),
  values: (map) =>
    Object.entries(map ?? {})
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, value]: [string, Value]) => value),
};
