import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { getExpressionAst, parse } from "@cdktn/hcl2json";
import {
  entriesOf,
  evaluate,
  within,
  type Expression,
  type Node,
  type Scope,
} from "./hcl-expression.ts";
import type { Value } from "./hcl-functions.ts";

/** A block's body, or part of one: values, and texts that may be expressions. */
type Body = Readonly<Record<string, Value>>;

/** One thing that Terraform would make. */
export interface Instance {
  readonly type: string;
  /** As Terraform shows it: `google_pubsub_topic.topic["jobs"]`. */
  readonly address: string;
  /** What the files say of it, and what else there is when it is made. */
  readonly values: Body;
  /** What the files say of it. */
  readonly said: Body;
}

export interface Plan {
  readonly instances: readonly Instance[];
  readonly outputs: Body;
}

/** What is known of something only when it is there: attributes that Google or the provider adds. */
export type Computed = (type: string, values: Body) => Body;

/** A folder of .tf files. */
export interface Terraform {
  /** The variables' blocks, by name. */
  readonly variables: Readonly<Record<string, Body>>;
  /** Throws an Error that names what is wrong with the values, as the files' own rules have it. */
  plan(values: Body, computed: Computed): Plan;
}

// By what is written: a tree does not depend on where that is.
const expressions = new Map<string, Expression>();

/** Reads a folder of .tf files with HashiCorp's parser. Throws an Error that names file and line. */
export async function readTerraform(
  folder: string,
  change: (text: string, file: string) => string = (text) => text,
): Promise<Terraform> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".tf")).sort();
  const parsed = await Promise.all(
    files.map(async (file) => {
      return (await parse(file, change(await readFile(join(folder, file), "utf8"), file))) as Body;
    }),
  );
  const sources = parsed.flatMap((file) => textsIn(file)).filter((each) => each.includes("${"));
  for (const source of sources) {
    if (expressions.has(source)) continue;
    const quoted = `"${source}"`;
    const tree = (await getExpressionAst("expression", quoted)) as unknown as Node; // see `Node`
    expressions.set(source, { source: quoted, tree });
  }
  const variables = labelled(parsed, "variable", 1);
  return {
    variables,
    plan: (values, computed) => new Planner(folder, parsed, computed).plan(variables, values),
  };
}

function textsIn(value: Value): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((each: Value) => textsIn(each));
}

/** The blocks of a kind, by their labels with a dot. */
function labelled(
  files: readonly Body[],
  kind: string,
  labels: number,
): Readonly<Record<string, Body>> {
  const open = (
    value: Value,
    depth: number,
    path: readonly string[],
  ): readonly (readonly [string, Body])[] => {
    if (depth === 0) return [[path.join("."), (value as readonly Body[])[0] ?? {}]]; // as the parser has blocks
    return Object.entries(value ?? {}).flatMap(([label, each]: [string, Value]) =>
      open(each, depth - 1, [...path, label]),
    );
  };
  return Object.fromEntries(files.flatMap((file) => open(file[kind] ?? {}, labels, [])));
}

const metaArguments = new Set(["for_each", "depends_on", "lifecycle", "provider", "dynamic"]);

class Planner {
  readonly #folder: string;
  readonly #computed: Computed;
  readonly #locals: Body;
  readonly #resources: Readonly<Record<string, Body>>;
  readonly #data: Readonly<Record<string, Body>>;
  readonly #outputs: Readonly<Record<string, Body>>;
  readonly #known = new Map<string, Value>();
  readonly #underWay = new Set<string>();
  readonly #instances: Instance[] = [];

  constructor(folder: string, files: readonly Body[], computed: Computed) {
    this.#folder = folder;
    this.#computed = computed;
    this.#locals = Object.assign({}, ...files.flatMap((file) => file["locals"] ?? [])) as Body;
    this.#resources = labelled(files, "resource", 2);
    this.#data = labelled(files, "data", 2);
    this.#outputs = labelled(files, "output", 1);
  }

  plan(variables: Readonly<Record<string, Body>>, values: Body): Plan {
    const unknown = Object.keys(values).filter((name) => !(name in variables));
    if (unknown.length > 0) throw new Error(`there is no variable ${unknown.join(", ")}`);
    for (const [name, block] of Object.entries(variables)) {
      const value = values[name] ?? block["default"];
      if (value === undefined) throw new Error(`the variable ${name} has no value`);
      this.#known.set(`var.${name}`, value);
    }
    const problems = Object.entries(variables).flatMap(([name, { validation = [] }]) =>
      (validation as readonly Body[]).flatMap(({ condition = null, error_message: message }) =>
        this.#valueOf(condition, this.#scope) === true
          ? []
          : [`${name}: ${JSON.stringify(message)}`],
      ),
    );
    if (problems.length > 0) throw new Error(problems.join("\n"));
    for (const name of Object.keys(this.#locals)) this.#scope(["local", name]);
    for (const name of Object.keys(this.#resources)) this.#resource(name);
    const outputs = Object.entries(this.#outputs).map(([name, { value = null }]) => [
      name,
      this.#valueOf(value, this.#scope),
    ]);
    return { instances: this.#instances, outputs: Object.fromEntries(outputs) as Body };
  }

  readonly #scope: Scope = ([first = "", second = "", third = ""]) => {
    const name = `${first}.${second}`;
    if (name === "path.module") return { value: this.#folder, parts: 2 };
    if (first === "data") {
      const block = this.#data[`${second}.${third}`];
      return block && { value: this.#made(second, block, this.#scope).values, parts: 3 };
    }
    if (first === "local" && second in this.#locals) {
      const value = this.#once(name, () =>
        this.#valueOf(this.#locals[second] ?? null, this.#scope),
      );
      return { value, parts: 2 };
    }
    if (name in this.#resources) return { value: this.#resource(name), parts: 2 };
    const known = this.#known.get(name);
    return known === undefined ? undefined : { value: known, parts: 2 };
  };

  #once(name: string, work: () => Value): Value {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#underWay.has(name)) throw new Error(`${name} refers to itself`);
    this.#underWay.add(name);
    const value = work();
    this.#known.set(name, value);
    return value;
  }

  /** The instance of a resource, or a map of them. */
  #resource(name: string): Value {
    return this.#once(name, () => {
      const block = this.#resources[name] ?? {};
      const [type = ""] = name.split(".");
      const keep = (address: string, made: Omit<Instance, "type" | "address">): Body => {
        this.#instances.push({ type, address, ...made });
        return made.values;
      };
      const each = block["for_each"];
      if (each === undefined) return keep(name, this.#made(type, block, this.#scope));
      const made = entriesOf(this.#valueOf(each, this.#scope)).map(([key, value]) => {
        const scope = within(this.#scope, { each: { key, value } });
        return [key, keep(`${name}["${key}"]`, this.#made(type, block, scope))] as const;
      });
      return Object.fromEntries(made);
    });
  }

  #made(type: string, block: Body, scope: Scope): Omit<Instance, "type" | "address"> {
    for (const each of textsIn(block["depends_on"] ?? [])) {
      const [, name = ""] = /^\$\{(.+)\}$/.exec(each) ?? [];
      if (!(name in this.#resources))
        throw new Error(`${type} depends on ${each}, which is not there`);
    }
    const said = this.#body(block, scope);
    return { values: { ...said, ...this.#computed(type, said) }, said };
  }

  #body(body: Body, scope: Scope): Body {
    const plain = Object.entries(body).flatMap(([name, value]) =>
      metaArguments.has(name) ? [] : [[name, this.#valueOf(value, scope)] as const],
    );
    const dynamic = Object.entries(body["dynamic"] ?? {}).map(
      ([name, [block]]: [string, readonly Body[]]) => {
        const { for_each: each = [], content = [] } = block ?? {};
        const made = entriesOf(this.#valueOf(each, scope)).map(([key, value]) =>
          this.#body(
            (content as readonly Body[])[0] ?? {},
            within(scope, { [name]: { key, value } }),
          ),
        );
        return [name, made] as const;
      },
    );
    return Object.fromEntries([...plain, ...dynamic]);
  }

  #valueOf(value: Value, scope: Scope): Value {
    if (typeof value === "string") {
      const expression = expressions.get(value);
      return expression === undefined ? value : evaluate(expression, scope);
    }
    if (Array.isArray(value)) return value.map((each: Value) => this.#valueOf(each, scope));
    if (typeof value === "object" && value !== null) return this.#body(value as Body, scope);
    return value;
  }
}
