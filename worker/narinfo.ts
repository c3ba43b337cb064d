import type { StorePath } from "../core/ports.ts";

/**
 * Reads what a binary cache says of a store path: lines of `Name: value`, of which StorePath, NarSize and References are
 * needed, the last without the store's folder. Throws an error that says what is missing.
 */
export function parseNarinfo(text: string): StorePath {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = /^([A-Za-z]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== "") values.set(name, value);
  }
  const path = values.get("StorePath") ?? "";
  const size = Number(values.get("NarSize"));
  if (!/^\/.+\/[0-9a-z]{32}-[^/]+$/.test(path)) throw new Error(`its StorePath is "${path}"`);
  if (!values.has("NarSize") || !Number.isSafeInteger(size) || size < 0) {
    throw new Error(`the NarSize of ${path} is "${values.get("NarSize") ?? ""}"`);
  }
  const folder = path.slice(0, path.lastIndexOf("/"));
  const references = (values.get("References") ?? "").split(" ").filter((each) => each !== "");
  return {
    path,
    size,
    references: references.map((name) => `${folder}/${name}`).filter((each) => each !== path),
  };
}

/** The part of a store path that a cache calls it by. */
export function hashOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).split("-", 1)[0] ?? "";
}
