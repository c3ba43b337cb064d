import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createCredentials, type Credentials } from "./storage-fake-credentials.ts";
import { startStorageFake } from "./storage-fake.ts";

/**
 * The fake of Cloud Storage as a program: `node storage-fake-main.ts --port 9199 --folder .storage --bucket blobs`.
 * The folder keeps buckets, objects, and `credentials.json`, the key of an account that may sign URLs: it is for
 * GOOGLE_APPLICATION_CREDENTIALS. With --public, URLs need no signature. Ends with SIGTERM or SIGINT.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    folder: { type: "string", default: ".storage" },
    bucket: { type: "string", multiple: true, default: [] },
    public: { type: "boolean", default: false },
  },
});
const folder = resolve(values.folder);
const key = join(folder, "credentials.json");
mkdirSync(folder, { recursive: true });
if (!existsSync(key))
  writeFileSync(key, JSON.stringify(createCredentials(), undefined, 2), { mode: 0o600 });
const credentials = JSON.parse(readFileSync(key, "utf8")) as Credentials;
const fake = await startStorageFake({
  folder,
  port: Number(values.port),
  publicRead: values.public,
  credentials,
});
for (const bucket of values.bucket) fake.createBucket(bucket);
process.stdout.write(`${JSON.stringify({ url: fake.url, folder, credentials: key })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void fake[Symbol.asyncDispose]());
}
