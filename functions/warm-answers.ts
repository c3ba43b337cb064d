import { LRUCache } from "lru-cache";
import type { Clock } from "../core/ports.ts";
import { keptInMemoryMs } from "../core/retention.ts";
import { admitsIndex } from "./accept.ts";
import type { RegistryResponse } from "./exchange.ts";

/**
 * Manifests that were just served, by the URL as it came and by whether the client takes an index: the next request for
 * one costs a single look-up.
 */
export interface WarmAnswers {
  readonly find: (
    method: string | undefined,
    url: string | undefined,
    accept: string | undefined,
  ) => WarmAnswer | undefined;
  /** Keeps an answer to GET and HEAD for as long as tags may be taken to stand still; one by digest, for an hour. */
  keep(
    url: string,
    accept: string | undefined,
    answer: WarmAnswer,
    by: "tag" | "digest",
    readAt: number,
  ): void;
}

export interface WarmAnswer {
  readonly response: RegistryResponse;
  /** The name that whoever gets it has to be allowed to pull. */
  readonly repository: string;
}

// About 20 KB a manifest at the most, 64 MB in all.
const kept = { maxSize: 64 * 1024 * 1024 };

/**
 * `forMs` is how long an answer is good for, by the clock `now`; `negotiates` whether any depends on what clients take.
 */
export function createWarmAnswers(forMs: number, now: Clock, negotiates: boolean): WarmAnswers {
  const nameOf = (url: string, accept: string | undefined) =>
    negotiates && !admitsIndex(accept) ? `${url} alone` : url;
  const answers = new LRUCache<string, WarmAnswer>({
    ...kept,
    perf: { now },
    ttlResolution: 0,
    sizeCalculation: ({ response }, url) =>
      Number(response.headers["content-length"]) + url.length + 1000,
  });
  return {
    find(method, url, accept) {
      if (url === undefined || (method !== "GET" && method !== "HEAD")) return undefined;
      return answers.get(nameOf(url, accept));
    },
    keep: (url, accept, answer, by, start) => {
      const ttl = by === "tag" ? forMs : keptInMemoryMs;
      answers.set(nameOf(url, accept), answer, { ttl, start });
    },
  };
}
