import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { createRun } from "../../worker/run.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** gcloud as a program of a test: whatever it does ends up at one address. */
export interface Gcloud extends AsyncDisposable {
  /** With it `gcloud` is found, signed in with a token that is worth nothing, and speaks to the proxy alone. */
  readonly environment: Readonly<Record<string, string>>;
}

const apis = [
  "ARTIFACTREGISTRY",
  "CLOUDBUILD",
  "CLOUDFUNCTIONS",
  "CLOUDRESOURCEMANAGER",
  "CLOUDSCHEDULER",
  "FIRESTORE",
  "IAM",
  "LOGGING",
  "MONITORING",
  "PUBSUB",
  "RUN",
  "SECRETMANAGER",
  "SERVICEUSAGE",
  "STORAGE",
];

/**
 * Has gcloud speak to an HTTP proxy on this machine. `plain` is the program as it is, a second or two a command; else
 * its code is loaded once, and each command is a fork of that (gcloud-server.py).
 */
export async function startGcloud(proxyPort: number, plain = false): Promise<Gcloud> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const token = join(folder.path, "token");
  await writeFile(token, "worth-nothing");
  const { PATH = "", HOME = "" } = process.env;
  const overrides = apis.map((api) => [
    `CLOUDSDK_API_ENDPOINT_OVERRIDES_${api}`,
    `http://${api.toLowerCase()}.localhost/`,
  ]);
  const environment: Record<string, string> = {
    PATH,
    HOME,
    CLOUDSDK_CONFIG: join(folder.path, "configuration"),
    CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: token,
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
    CLOUDSDK_PROXY_TYPE: "http",
    CLOUDSDK_PROXY_ADDRESS: "127.0.0.1",
    CLOUDSDK_PROXY_PORT: String(proxyPort),
    ...Object.fromEntries(overrides),
  };
  if (!plain) {
    const root = await rootOfGcloud({ PATH, HOME });
    const python = join(root, "platform/bundledpythonunix/bin/python3");
    const socket = join(folder.path, "socket");
    resources.use(await startServer(python, socket, root));
    const program = join(folder.path, "gcloud");
    const client = join(import.meta.dirname, "gcloud-client.py");
    await writeFile(program, `#!/bin/sh\nexec ${python} -ISE ${client} "$@"\n`);
    await chmod(program, 0o755);
    environment["PATH"] = `${folder.path}:${PATH}`;
    environment["GCLOUD_SERVER"] = socket;
  }
  const all = resources.move();
  return { environment, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function rootOfGcloud(environment: Readonly<Record<string, string>>): Promise<string> {
  const args = ["info", "--format=value(installation.sdk_root)"];
  const { stdout } = await createRun(environment)({
    file: "gcloud",
    args,
    signal: AbortSignal.timeout(60_000),
  });
  return stdout.trim();
}

async function startServer(python: string, socket: string, root: string): Promise<AsyncDisposable> {
  const server = join(import.meta.dirname, "gcloud-server.py");
  const child = spawn(python, ["-S", "-W", "ignore", server, socket, root], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) if (line === "ready") break;
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
