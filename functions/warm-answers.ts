import { LRUCache } from "lru-cache";
import type { Clock } from "../core/ports.ts";
import type { RegistryResponse } from "./exchange.ts";

/** Manifests that were just served, by the URL as it came: the next request for one costs a single look-up. */
export interface WarmAnswers {
  find(method: string | undefined, url: string | undefined): RegistryResponse | undefined;
  /** Keeps an answer to GET and HEAD for as long as tags may be taken to stand still. */
  keep(url: string, response: RegistryResponse): void;
}

// About 20 KB a manifest at the most, 64 MB in all.
const kept = { max: 20_000, maxSize: 64 * 1024 * 1024 };

/** `forMs` is how long an answer is good for, by the clock `now`. */
export function createWarmAnswers(forMs: number, now: Clock): WarmAnswers {
  const answers = new LRUCache<string, RegistryResponse>({
    ...kept,
    ttl: forMs,
    perf: { now },
    sizeCalculation: ({ headers }, url) => Number(headers["content-length"]) + url.length + 1000,
  });
  return {
    find(method, url) {
      if (url === undefined || (method !== "GET" && method !== "HEAD")) return undefined;
      return answers.get(url);
    },
    keep: (url, response) => void answers.set(url, response),
  };
}
