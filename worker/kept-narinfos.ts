import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { dirname } from "node:path";
import type { StorePath } from "../core/ports.ts";

/** What binary caches said, in a file that is only added to: whoever is killed goes on where it was. */
export interface KeptNarinfos extends AsyncDisposable {
  /** By hash; null for what no cache had. */
  readonly known: ReadonlyMap<string, StorePath | null>;
  keep(hash: string, found: StorePath | undefined): void;
}

type Line =
  | (StorePath & { readonly hash: string })
  | { readonly hash: string; readonly absentAt: number };

// By then somebody may have built it.
const absentMs = 24 * 60 * 60_000;

/** `caches` are part of what is kept: others may say something else. */
export async function openKeptNarinfos(
  file: string,
  now: () => number = Date.now,
): Promise<KeptNarinfos> {
  await mkdir(dirname(file), { recursive: true });
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  const known = new Map<string, StorePath | null>();
  for (const line of text.split("\n")) {
    const read = parse(line);
    if (read === undefined) continue;
    if (!("absentAt" in read)) {
      const { path, size, references } = read;
      known.set(read.hash, { path, size, references });
    } else if (now() - read.absentAt < absentMs) known.set(read.hash, null);
  }
  const lines = createWriteStream(file, { flags: "a" });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  lines.on("error", failed.reject);
  // Whoever was killed may have left half a line.
  if (text !== "" && !text.endsWith("\n")) lines.write("\n");
  return {
    known,
    keep(hash, found) {
      const line: Line = found === undefined ? { hash, absentAt: now() } : { hash, ...found };
      known.set(hash, found ?? null);
      lines.write(`${JSON.stringify(line)}\n`);
    },
    async [Symbol.asyncDispose]() {
      lines.end();
      await Promise.race([finished(lines), failed.promise]);
    },
  };
}

function parse(line: string): Line | undefined {
  try {
    const read = JSON.parse(line) as Line; // written by `keep`
    return typeof read.hash === "string" ? read : undefined;
  } catch {
    return undefined; // an empty line, or half a one
  }
}
