import { functions, type Value } from "./hcl-functions.ts";

/** A node of the syntax tree that HashiCorp's own parser makes of an expression. */
export interface Node {
  readonly type: string;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly children: readonly Node[];
  readonly range: {
    readonly start: { readonly byte: number };
    readonly end: { readonly byte: number };
  };
}

/** An expression as it is written, between quotes, and its tree. */
export interface Expression {
  readonly source: string;
  readonly tree: Node;
}

/**
 * Says what a name stands for that begins a path such as `local.topics.jobs`, and how many parts of the path that took
 * up; undefined where it is none of its names.
 */
export type Scope = (
  path: readonly string[],
) => { readonly value: Value; readonly parts: number } | undefined;

/** The scope with names of its own in front. */
export function within(scope: Scope, names: Readonly<Record<string, Value>>): Scope {
  return (path) => {
    const [first = ""] = path;
    return first in names ? { value: names[first] ?? null, parts: 1 } : scope(path);
  };
}

/** What an expression comes to. Throws an Error that names what is not there, or not understood. */
export function evaluate({ source, tree }: Expression, scope: Scope): Value {
  const at = (node: Node): Value => evaluateNode(node, scope);
  const inScope = (node: Node, inner: Scope): Value => evaluate({ source, tree: node }, inner);
  function evaluateNode(node: Node, names: Scope): Value {
    const [first, second, third] = node.children;
    switch (node.type) {
      case "templateWrap":
      case "": // in parentheses
        return at(needed(first));
      case "template":
        return node.children.map((child) => textOf(at(child))).join("");
      case "literalValue":
        return literal(node);
      case "tuple":
        return node.children.map(at);
      case "object":
        return Object.fromEntries(pairsOf(node));
      case "scopeTraversal": {
        const path = pathOf(node);
        const found = names(path);
        if (found === undefined) throw new Error(`there is no ${path.join(".")}`);
        return follow(found.value, path.slice(found.parts), path);
      }
      case "relativeTraversal":
        return follow(at(needed(first)), pathOf(node), pathOf(node));
      case "index":
        return follow(
          at(needed(first)),
          [textOf(at(needed(second)))],
          [String(node.meta?.["value"])],
        );
      case "conditional":
        return at(needed(at(needed(first)) === true ? second : third));
      case "unaryOp":
        return unary(String(node.meta?.["operator"]), at(needed(first)));
      case "binaryOp":
        return binary(
          String(node.meta?.["operator"]),
          () => at(needed(first)),
          () => at(needed(second)),
        );
      case "function":
        return call(node);
      case "for":
        return loop(node);
      default:
        throw new Error(`expressions of the kind "${node.type}" are not understood: ${source}`);
    }
  }
  function call(node: Node): Value {
    const name = String(node.meta?.["name"]);
    if (name === "can") {
      try {
        at(needed(node.children[0]));
        return true;
      } catch {
        return false; // which is what it asks
      }
    }
    if (name === "try") {
      for (const child of node.children.slice(0, -1)) {
        try {
          return at(child);
        } catch {
          // the next one stands in for it, which is what it is for
        }
      }
      return at(needed(node.children.at(-1)));
    }
    const found = functions[name];
    if (found === undefined) throw new Error(`the function ${name} is not understood: ${source}`);
    return found(...node.children.map(at));
  }
  function pairsOf(node: Node): readonly (readonly [string, Value])[] {
    return node.children.flatMap((child, index) => {
      if (index % 2 === 1) return [];
      const [key] = child.children;
      const name =
        key === undefined
          ? source.slice(child.range.start.byte, child.range.end.byte)
          : textOf(at(key));
      return [[name, at(needed(node.children[index + 1]))] as const];
    });
  }
  function loop(node: Node): Value {
    const { keyVar, valVar, keyExpression, conditionalExpression } = node.meta ?? {};
    const [collection, ...rest] = node.children;
    const [key, value, condition] = keyExpression === undefined ? [undefined, ...rest] : rest;
    const results = entriesOf(at(needed(collection))).flatMap(([name, each]) => {
      const inner = within(scope, { [String(keyVar)]: name, [String(valVar)]: each });
      if (conditionalExpression !== undefined && inScope(needed(condition), inner) !== true)
        return [];
      const result = inScope(needed(value), inner);
      return [[key === undefined ? "" : textOf(inScope(key, inner)), result] as const];
    });
    return key === undefined ? results.map(([, each]) => each) : Object.fromEntries(results);
  }
  return evaluateNode(tree, scope);
}

/** The keys and values of a map, or the values of a set or list as both. */
export function entriesOf(value: Value): readonly (readonly [string, Value])[] {
  if (Array.isArray(value)) {
    return value.map(
      (each, index) => [typeof each === "string" ? each : String(index), each] as const,
    );
  }
  if (typeof value === "object" && value !== null) return Object.entries(value);
  throw new Error(`${JSON.stringify(value)} has no elements`);
}

function literal({ meta }: Node): Value {
  const text = String(meta?.["value"]);
  switch (meta?.["type"]) {
    case "string":
      return text;
    case "number":
      return Number(text);
    case "bool":
      return text === "true";
    default:
      return null;
  }
}

function pathOf({ meta }: Node): readonly string[] {
  const traversal = meta?.["traversal"] as readonly { readonly segment: string }[]; // the parser gives one
  return traversal.map(({ segment }) => segment.replaceAll('"', ""));
}

function follow(value: Value, path: readonly string[], all: readonly string[]): Value {
  return path.reduce<Value>((from, part) => {
    const holder = from as Readonly<Record<string, Value>> | null;
    if (typeof holder === "object" && holder !== null && part in holder)
      return holder[part] ?? null;
    throw new Error(`there is no ${part} in ${all.join(".")}`);
  }, value);
}

function unary(operator: string, value: Value): Value {
  return operator === "negate" ? -Number(value) : value !== true;
}

function binary(operator: string, left: () => Value, right: () => Value): Value {
  switch (operator) {
    case "equal":
      return JSON.stringify(left()) === JSON.stringify(right());
    case "notEqual":
      return JSON.stringify(left()) !== JSON.stringify(right());
    case "logicalAnd":
      return left() === true && right() === true;
    case "lessThanOrEqual":
      return Number(left()) <= Number(right());
    case "greaterThanOrEqual":
      return Number(left()) >= Number(right());
    case "add":
      return Number(left()) + Number(right());
    default:
      throw new Error(`the operator ${operator} is not understood`);
  }
}

function textOf(value: Value): string {
  if (value === null || typeof value === "object")
    throw new Error(`${JSON.stringify(value)} is no text`);
  return String(value);
}

function needed(node: Node | undefined): Node {
  if (node === undefined) throw new Error("a part of the expression is missing");
  return node;
}
