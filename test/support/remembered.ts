import { request } from "node:http";
import type { Tools } from "../../infra/google/tools.ts";
import type { GoogleStub } from "./google-stub.ts";

interface Remembered {
  readonly answer: unknown;
  /** What gcloud asked for it, and was told. */
  readonly urls: readonly string[];
  readonly told: readonly string[];
}

/**
 * Spares the asking of gcloud what it was asked before, as long as it would be told the same: its requests are made
 * again, in its place, and their answers compared. What changes something is always run.
 */
export function remembering(tools: Tools, stub: GoogleStub): Tools {
  const known = new Map<string, Remembered>();
  const again = async (urls: readonly string[]) =>
    await Promise.all(urls.map((url) => fetchThrough(stub.port, url)));
  // One at a time: so it is known whose requests they are.
  let last: Promise<unknown> = Promise.resolve();
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return await mine;
  };
  return {
    run: (command) => tools.run(command),
    ask: (args) =>
      alone(async () => {
        const key = JSON.stringify(args);
        const before = known.get(key);
        if (before !== undefined) {
          const told = await again(before.urls);
          if (JSON.stringify(told) === JSON.stringify(before.told)) return before.answer;
        }
        const from = stub.requests.length;
        const answer = await tools.ask(args);
        const urls = stub.requests.slice(from).map(({ url }) => url);
        known.set(key, { answer, urls, told: await again(urls) });
        return answer;
      }),
  };
}

async function fetchThrough(port: number, url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const method =
    /:getIamPolicy\b/.test(url) && /cloudresourcemanager|\/\/iam\./.test(url) ? "POST" : "GET";
  const asking = request({ host: "127.0.0.1", port, path: url, method }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    response.on("error", reject);
  });
  asking.on("error", reject);
  asking.end();
  return await promise;
}
