import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire, enableCompileCache } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseBuildKey } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { encodeBuild } from "../../core/google/build-document.ts";
import { parseImage } from "../../core/image.ts";
import { mediaTypes } from "../../core/manifest.ts";
import type { BuildRecord } from "../../core/record.ts";

// Fills the compile cache of the bundle that this file is a part of: the registry is started in this process, as Google
// Cloud starts it, and pulled from, so that V8 keeps what it compiled for that; then the rest is loaded. Google's
// buildpack runs it once more where the functions are deployed (`gcp-build`), whose Node is maybe another one.
const folder = import.meta.dirname;
enableCompileCache({ directory: join(folder, "compile-cache"), portable: true });

const revision = "0123456789012345678901234567890123456789";
const layer = { mediaType: mediaTypes.gzipLayer, digest: digestOf("layer"), size: 1 };
const document = {
  schemaVersion: 2,
  config: layer,
  layers: Array.from({ length: 60 }, () => layer),
};
const bytes = new TextEncoder().encode(JSON.stringify(document));

function builtRecord(): BuildRecord {
  const key = parseBuildKey("0".repeat(64));
  if (key === undefined) throw new Error("64 zeros are no build key");
  return {
    key,
    image: parseImage("hello", "amd64"),
    pin: { packageSet: "nixpkgs", revision },
    lane: "pull",
    requestedAt: 0,
    attempt: 1,
    state: "ready",
    settledAt: 0,
    manifest: { digest: digestOf(bytes), mediaType: mediaTypes.manifest, bytes },
  };
}

/** A value as https://firebase.google.com/docs/firestore/reference/rest/v1/Value has it. */
function restValue(value: unknown): unknown {
  if (value === null || value === undefined) return { nullValue: null };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { booleanValue: value };
  if (typeof value === "number") return { integerValue: String(value) };
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(restValue) } };
  return { mapValue: { fields: restFields(value) } };
}

function restFields(fields: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, restValue(value)]),
  );
}

/** A Firestore in which the tag stands somewhere, and any image is built. */
function answer({ url = "" }: IncomingMessage, response: ServerResponse): void {
  const now = Date.now();
  const current = { revision, resolvedAt: now, plans: {} };
  const documents: Readonly<Record<string, object>> = {
    images: encodeBuild({ record: builtRecord(), published: 1, publishedAt: now, changedAt: now }),
    pins: { version: 1, askedAt: now, current },
    pulls: {},
  };
  const [, collection = ""] = /\/documents\/(\w+)\//.exec(url) ?? [];
  const fields = documents[collection];
  response.writeHead(fields === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify({ fields: restFields(fields ?? {}) }));
}

const firestore = createServer(answer).listen(0, "127.0.0.1");
await once(firestore, "listening");
const { port } = firestore.address() as AddressInfo; // it listens on a port

const probe = createServer().listen(0, "127.0.0.1");
await once(probe, "listening");
const free = probe.address() as AddressInfo; // as above
probe.close();
await once(probe, "close");

for (const name of Object.keys(process.env)) if (name.startsWith("FIRN_")) delete process.env[name];
Object.assign(process.env, {
  FIRESTORE_EMULATOR_HOST: `127.0.0.1:${port}`,
  METADATA_SERVER_DETECTION: "none",
  FIRN_PROJECT: "baked",
  FIRN_BUCKET: "baked",
  FUNCTION_TARGET: "registry",
  PORT: String(free.port),
});
const framework = "node_modules/@google-cloud/functions-framework/build/src/main.js";
process.argv.push(`--source=${folder}`);
createRequire(import.meta.url)(join(folder, framework));

/** Asks until somebody listens. */
async function ask(path: string, attempts = 100): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${free.port}${path}`);
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    if (attempts === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return await ask(path, attempts - 1);
  }
}

const pulled = await ask("/v2/hello/manifests/latest");
if (pulled !== 200) throw new Error(`the bundle answered a pull with ${pulled}`);
await ask("/v2/");
await ask("/v2/Upper/manifests/latest");
const chunks = (await readdir(join(folder, "chunks"))).filter((name) => name.endsWith(".js"));
await Promise.all(chunks.map(async (name) => await import(join(folder, "chunks", name))));
// Node writes the cache as the process ends.
process.exit(0);
