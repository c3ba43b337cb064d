import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";

/** A registry to push to as its command starts it, and a client in the words of the specification. */
export interface PushClient extends AsyncDisposable {
  /** `path` is what comes after `/v2/`, or the Location of an answer. */
  ask(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** The status alone; the body is read and left. */
  status(method: string, path: string, init?: RequestInit): Promise<number>;
  /** Pushes a blob in one request, and gives its descriptor. */
  blob(name: string, text: string, mediaType?: string): Promise<Pushed>;
  /** Pushes a manifest by a tag or, where there is none, by its digest. */
  manifest(name: string, document: object, tag?: string): Promise<Pushed & { answer: Response }>;
  /** Pushes an image of one layer under a tag. */
  image(name: string, tag: string, layer?: string): Promise<Pushed>;
}

export interface Pushed {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const main = join(import.meta.dirname, "push-main.ts");

/** Runs `npm run test:push-registry` on a free port. */
export async function startPushClient(): Promise<PushClient> {
  const child = spawn(process.execPath, [main, "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const said = await Promise.race([once(lines, "line").then(String), gone.then(() => "")]);
  const [host] = /http:\S+/.exec(said) ?? [];
  if (host === undefined) throw new Error("the registry to push to did not start");

  const ask: PushClient["ask"] = async (method, path, init) =>
    await fetch(path.startsWith("/") ? `${host}${path}` : `${host}/v2/${path}`, {
      method,
      redirect: "manual",
      ...init,
    });

  const client: PushClient = {
    ask,
    async status(method, path, init) {
      const answer = await ask(method, path, init);
      await answer.arrayBuffer();
      return answer.status;
    },
    async blob(name, text, mediaType = "application/octet-stream") {
      const digest = digestOf(text);
      const answer = await ask("POST", `${name}/blobs/uploads/?digest=${digest}`, { body: text });
      expect(answer.status, await answer.text()).toBe(201);
      return { mediaType, digest, size: Buffer.byteLength(text) };
    },
    async manifest(name, document, tag) {
      const mediaType = "manifests" in document ? mediaTypes.index : mediaTypes.manifest;
      const body = JSON.stringify({ schemaVersion: 2, mediaType, ...document });
      const digest = digestOf(body);
      const headers = { "content-type": mediaType };
      const answer = await ask("PUT", `${name}/manifests/${tag ?? digest}`, { body, headers });
      expect(answer.status, await answer.clone().text()).toBe(201);
      return { mediaType, digest, size: Buffer.byteLength(body), answer };
    },
    async image(name, tag, layer = "a layer") {
      const config = await client.blob(name, `{"tag":"${tag}"}`, mediaTypes.config);
      const layers = [await client.blob(name, layer, mediaTypes.gzipLayer)];
      const { answer: _, ...pushed } = await client.manifest(name, { config, layers }, tag);
      return pushed;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await gone;
    },
  };
  return client;
}
