import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { parseImage } from "../../core/image.ts";
import { createListener } from "../../functions/http.ts";
import { listen } from "../../infra/local/listen.ts";
import { options } from "../support/builds.ts";
import { mayBuild, oddRequests, type OddRequest } from "../support/odd-requests.ts";
import { problemIn } from "../support/problem.ts";
import { exchange, type RawAnswer } from "../support/raw-http.ts";
import { servedRegistry } from "../support/served.ts";
import type { TestRegistry } from "../support/registry.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_124);
const throughHandlers = 100_000;
const atOnce = 100;
const overSockets = 4000;
const grownBytes = 30 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // what the flag makes

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Throws what is wrong with an answer, whatever was asked. */
function judge(request: OddRequest, status: number, contentType: unknown, text: string): void {
  const asked = JSON.stringify(request);
  if (status >= 500 || status < 200) throw new Error(`${status} to ${asked}: ${text}`);
  if (status < 400 || request.method === "HEAD") return;
  if (contentType !== "application/json") throw new Error(`${String(contentType)} to ${asked}`);
  problemIn({ status, text });
}

describe(`requests that nobody means (seed ${seed})`, () => {
  let registry: TestRegistry;
  const rejections: unknown[] = [];
  const note = (reason: unknown) => void rejections.push(reason);
  beforeAll(async () => {
    process.on("unhandledRejection", note);
    registry = await servedRegistry();
  });
  afterAll(async () => {
    process.off("unhandledRejection", note);
    await registry[Symbol.asyncDispose]();
  });

  async function ask(request: OddRequest): Promise<void> {
    const mark = request.target.indexOf("?");
    const { status, headers, body } = await registry.registry.answer({
      method: request.method,
      path: mark === -1 ? request.target : request.target.slice(0, mark),
      query: new URLSearchParams(mark === -1 ? "" : request.target.slice(mark + 1)),
      headers: request.headers,
      signal: new AbortController().signal,
    });
    const parts = body === undefined || body instanceof Uint8Array ? [body ?? ""] : body;
    let text = "";
    for await (const part of parts) text += Buffer.from(part).toString();
    judge(request, status, headers["content-type"], text);
  }

  it(
    `are ${throughHandlers} answered in order: no 5xx, each error in form with a listed code, nothing built, memory flat`,
    { timeout: 180_000 },
    async () => {
      const meant: OddRequest[] = [];
      let [asked, early, late] = [0, 0, 0];
      const batches = fc.array(oddRequests, { minLength: atOnce, maxLength: atOnce, size: "max" });
      const property = fc.asyncProperty(batches, async (batch) => {
        meant.push(...batch.filter(mayBuild));
        const idle = batch.filter((request) => !mayBuild(request));
        const before = registry.jobs.length;
        await Promise.all(idle.map(ask));
        const jobs = registry.jobs.slice(before);
        if (jobs.length > 0)
          throw new Error(`one of these had something done: ${JSON.stringify(jobs)}`);
        asked += idle.length;
        // A tenth is where memories are full, and the rest may add nothing.
        if (early === 0 && asked >= throughHandlers / 10) early = heapBytes();
      });
      const numRuns = Math.ceil((throughHandlers * 1.15) / atOnce);
      await fc.assert(property, { seed, numRuns, endOnFailure: true });
      late = heapBytes();
      // Pulls in order are asked too, each once: what they build is named by what was asked.
      const pulls = new Map(meant.map((request) => [request.target, request]));
      for (const request of pulls.values()) await ask(request);
      expect(asked + meant.length).toBeGreaterThanOrEqual(throughHandlers);
      expect(pulls.size).toBeGreaterThan(20);
      const keys = registry.jobs.flatMap((job) => (job.kind === "build" ? [job.key] : []));
      const expected = new Set([...pulls.values()].map(keyOf));
      expect(keys.filter((key) => !expected.has(key))).toEqual([]);
      console.log(
        `${asked} requests, heap ${(early / 1e6).toFixed(1)} MB after a tenth, ${(late / 1e6).toFixed(1)} MB after all`,
      );
      expect(late - early).toBeLessThan(grownBytes);
      expect(rejections).toEqual([]);
      expect(registry.log.filter((line) => line.startsWith("ERROR"))).toEqual([]);
    },
  );

  it(
    `are ${overSockets} over a socket, as bytes in any disorder: no 5xx, and the server goes on`,
    { timeout: 120_000 },
    async () => {
      const listener = createListener(registry.registry, () => undefined);
      const server = await listen(listener, "127.0.0.1", 0);
      const counts: Record<string, number> = {};
      try {
        const property = fc.asyncProperty(
          fc.array(oddRequests, { minLength: 20, maxLength: 20, size: "max" }),
          async (batch) => {
            const answers = await Promise.all(batch.map((request) => send(server.port, request)));
            for (const [i, answer] of answers.entries()) {
              const request = batch[i];
              if (request === undefined || answer === undefined) continue;
              counts[answer.status] = (counts[answer.status] ?? 0) + 1;
              const type = answer.headers["content-type"]?.join("");
              judge(request, answer.status, type, answer.body.toString());
            }
          },
        );
        await fc.assert(property, { seed, numRuns: overSockets / 20, endOnFailure: true });
        const answer = await exchange(server.port, "GET /v2/ HTTP/1.0\r\n\r\n");
        expect(answer.status).toBe(200);
        console.log(`by status: ${JSON.stringify(counts)}`);
        expect(Object.keys(counts)).toEqual(expect.arrayContaining(["200", "400", "404", "405"]));
        expect(rejections).toEqual([]);
      } finally {
        await server.close();
      }
    },
  );
});

/** The key that a pull in order builds, where `latest` and all other tags stand at r1. */
function keyOf({ target }: OddRequest): string | undefined {
  const path = decodeURIComponent(target.split("?")[0] ?? "");
  const [, name = ""] = /^\/v2\/(.+)\/manifests\/[^/]+$/.exec(path) ?? [];
  try {
    const pin = { packageSet: "starter", revision: "r1" };
    return buildKey(parseImage(name, "amd64"), pin, options);
  } catch {
    return undefined; // a name in order that stands for no image, such as a platform alone
  }
}

/** Sends a request as it is, broken lines and all; undefined where the server ended the connection without a word. */
async function send(port: number, request: OddRequest): Promise<RawAnswer | undefined> {
  const lines = Object.entries({ connection: "close", ...request.headers }).map(
    ([key, value]) => `${key}: ${value}`,
  );
  const text = `${request.method} ${request.target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  try {
    return await exchange(port, Buffer.from(text, "utf8"));
  } catch (error) {
    if (error instanceof Error && /ECONNRESET|EPIPE|no answer/.test(error.message))
      return undefined;
    throw error;
  }
}
