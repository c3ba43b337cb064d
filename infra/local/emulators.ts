import { once } from "node:events";
import { access, readdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../core/log.ts";
import { createRun, type Run } from "../../worker/run.ts";

/** The archives of the two emulators, as they lie in Google's SDK. */
interface Archives {
  readonly firestore: string;
  readonly pubsub: string;
}

/** Emulators that answer, as `host:port`; disposing of them ends their processes. */
export interface Emulators extends AsyncDisposable {
  readonly firestore: string;
  readonly pubsub: string;
}

/** There are no emulators on this machine; the message says what is missing. */
export class NoEmulators extends Error {
  override readonly name = "NoEmulators";
}

const host = "127.0.0.1";
const readyMs = 60_000;

/**
 * Starts the emulators of Firestore and Pub/Sub on free ports and waits until both answer. They begin empty and keep
 * nothing. Throws `NoEmulators` where Java or the SDK is missing. The SDK is the one of `gcloud`, or that in
 * CLOUDSDK_ROOT_DIR. Processes end with this one, but for SIGKILL: not through `gcloud`, whose Java outlives it.
 */
export async function startEmulators(
  environment: Readonly<Record<string, string>>,
): Promise<Emulators> {
  const run = createRun(environment);
  const archives = await findArchives(environment, run);
  await using started = new AsyncDisposableStack();
  const start = async (name: string, port: number, args: readonly string[]) => {
    const emulator = startJava(run, name, [...args, `--host=${host}`, `--port=${port}`]);
    started.use(emulator);
    await Promise.race([untilReady(name, port, emulator.stopped), emulator.failed]);
    return `${host}:${port}`;
  };
  const main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";
  const ports = [await freePort(), await freePort()] as const;
  const [firestore, pubsub] = await Promise.all([
    start("Firestore", ports[0], ["-cp", archives.firestore, main]),
    start("Pub/Sub", ports[1], ["-jar", archives.pubsub]),
  ]);
  const running = started.move();
  return { firestore, pubsub, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function findArchives(
  environment: Readonly<Record<string, string>>,
  run: Run,
): Promise<Archives> {
  const signal = AbortSignal.timeout(readyMs);
  const missing = (what: string) => (cause: unknown) => {
    throw new NoEmulators(`${what}, so there are no emulators: ${messageOf(cause)}`, { cause });
  };
  await run({ file: "java", args: ["-version"], signal }).catch(missing("Java does not run"));
  const root =
    environment["CLOUDSDK_ROOT_DIR"] ??
    (await rootOfGcloud(run, signal).catch(missing("gcloud does not run")));
  return await archivesIn(root).catch(missing("Google's SDK lacks emulators"));
}

async function rootOfGcloud(run: Run, signal: AbortSignal): Promise<string> {
  const args = ["info", "--format=value(installation.sdk_root)"];
  const { stdout } = await run({ file: "gcloud", args, signal });
  return stdout.trim();
}

async function archivesIn(root: string): Promise<Archives> {
  const firestore = join(root, "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar");
  await access(firestore);
  const folder = join(root, "platform/pubsub-emulator/lib");
  // Its name holds its version.
  const name = (await readdir(folder)).find((each) => /^cloud-pubsub-emulator-.*\.jar$/.test(each));
  if (name === undefined) throw new Error(`${folder} holds no cloud-pubsub-emulator`);
  return { firestore, pubsub: join(folder, name) };
}

// For processes that live some minutes: what the second compiler would gain is less than what it costs.
const quickStart = [
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Xmx512m",
  "-Duser.language=en",
];

function startJava(run: Run, name: string, args: readonly string[]) {
  const stop = new AbortController();
  const failed = Promise.withResolvers<never>();
  const ended = run({
    file: "java",
    args: [...quickStart, ...args],
    signal: stop.signal,
    onOutputLine: () => undefined,
  }).then(
    () => failed.reject(new Error(`the emulator of ${name} ended by itself`)),
    (error: unknown) => failed.reject(error),
  );
  // Nobody listens any more once it answers; whoever uses it then sees it in their own calls.
  failed.promise.catch(() => undefined);
  return {
    failed: failed.promise,
    stopped: stop.signal,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error(`the emulator of ${name} was stopped`));
      await ended;
    },
  };
}

async function untilReady(name: string, port: number, stopped: AbortSignal): Promise<void> {
  const end = performance.now() + readyMs;
  while (!stopped.aborted && !(await answers(port))) {
    if (performance.now() > end) throw new Error(`the emulator of ${name} does not answer`);
    await sleep(50);
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(5000) });
    return response.ok && (await response.text()).trim() === "Ok";
  } catch {
    return false; // nobody listens yet
  }
}

// They would take port 0, but do not say which one they got.
async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is not a pipe
  server.close();
  await once(server, "close");
  return port;
}
