import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import type { StorePath } from "../core/ports.ts";
import { openKeptNarinfos } from "./kept-narinfos.ts";
import { hashOf, parseNarinfo } from "./narinfo.ts";
import { callNix, type NixTools } from "./nix-command.ts";

export interface CacheQuestion {
  /** URLs: http, https or file. */
  readonly caches: readonly string[];
  /** File that keeps what was answered. */
  readonly kept: string;
  /** Store paths. */
  readonly wanted: readonly string[];
  /** What need not be asked for, by path. */
  readonly known: ReadonlyMap<string, StorePath>;
  readonly say: (message: string) => void;
}

const askedAtOnce = 64;
const answerMs = 30_000;
const attempts = 4;
const pauseMs = 500;
const sayEvery = 2000;

/** The binary caches that Nix is set to use here, as far as they can be asked. */
export async function cachesOf(tools: NixTools, signal: AbortSignal): Promise<readonly string[]> {
  const args = ["--extra-experimental-features", "nix-command", "show-config", "--json"];
  const { stdout } = await callNix(tools, { file: "nix", args, signal });
  const { substituters } = JSON.parse(stdout) as { substituters?: { value?: unknown } };
  const urls = Array.isArray(substituters?.value) ? substituters.value.map(String) : [];
  return urls.filter((url) => /^(?:https?|file):\/\//.test(url));
}

/**
 * What binary caches know of store paths and of all that those refer to. Each path is asked for once, of the caches in
 * their order, and what was answered is kept. Rejects where a cache does not answer: what it has would be missing.
 */
export async function knownToCaches(
  { caches, kept, wanted, known, say }: CacheQuestion,
  signal: AbortSignal,
): Promise<readonly StorePath[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  if (caches.length === 0 || wanted.length === 0) return [];
  await using narinfos = await openKeptNarinfos(kept);
  const found = new Map<string, StorePath>();
  const limit = pLimit(askedAtOnce);
  const seen = new Set<string>();
  let asked = 0;

  async function look(path: string): Promise<void> {
    either.throwIfAborted();
    const hash = hashOf(path);
    let answer = narinfos.known.get(hash);
    if (answer === undefined) {
      const first = await firstOf(caches, hash, either);
      narinfos.keep(hash, first);
      answer = first ?? null;
      asked += 1;
      if (asked % sayEvery === 0) say(`asked for ${asked}, know ${found.size} store paths`);
    }
    if (answer !== null) found.set(path, { ...answer, path });
  }

  let next: readonly string[] = wanted;
  while (next.length > 0) {
    const fresh = next.filter((path) => !seen.has(path) && !known.has(path));
    for (const path of fresh) seen.add(path);
    const looks = fresh.map((path) => limit(() => look(path)));
    try {
      await Promise.all(looks);
    } catch (error) {
      // The others have to be over before what is kept is closed.
      stop.abort(error);
      await Promise.allSettled(looks);
      throw error;
    }
    next = [...new Set(fresh.flatMap((path) => found.get(path)?.references ?? []))];
  }
  say(`asked caches for ${asked} store paths, and know ${found.size} by them`);
  return [...found.values()];
}

async function firstOf(
  caches: readonly string[],
  hash: string,
  signal: AbortSignal,
): Promise<StorePath | undefined> {
  for (const cache of caches) {
    const url = new URL(`${hash}.narinfo`, cache.endsWith("/") ? cache : `${cache}/`);
    const text = await (url.protocol === "file:" ? readOrAbsent(url) : fetched(url, signal));
    if (text === undefined) continue;
    try {
      const told = parseNarinfo(text);
      if (hashOf(told.path) === hash) return told;
      throw new Error(`it is of ${told.path}`);
    } catch (cause) {
      throw new Error(`${url.href} is not what a binary cache says: ${String(cause)}`, { cause });
    }
  }
  return undefined;
}

async function readOrAbsent(url: URL): Promise<string | undefined> {
  return await readFile(fileURLToPath(url), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
}

// Of a hundred thousand answers some get lost.
async function fetched(url: URL, signal: AbortSignal): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const response = await fetch(url, { signal: limited });
      const text = await response.text();
      // Buckets without a right to list answer 403 for what is not there.
      if (response.status === 404 || response.status === 403) return undefined;
      if (response.ok) return text;
      throw new Error(`it answered ${response.status}`);
    } catch (cause) {
      signal.throwIfAborted();
      if (attempt === attempts) {
        throw new Error(`the binary cache does not answer at ${url.href}: ${String(cause)}`, {
          cause,
        });
      }
      await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}
