import { join, resolve } from "node:path";
import { topicNames } from "../../core/google/topics.ts";
import { deadLetterSubscription, provision } from "../../infra/local/provision.ts";
import { freePort, startFramework, type FrameworkProcess } from "./framework.ts";
import { startStorageFake, type StorageFake } from "./storage-fake.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { startWorker, type WorkerProcess } from "./worker.ts";

type Environment = Readonly<Record<string, string>>;

export interface CloudOptions {
  /** `host:port` of the emulators. */
  readonly emulators: { readonly firestore: string; readonly pubsub: string };
  readonly project: string;
  readonly packageSet: string;
  /** Processes of the registry function; one, if not said. The first listens on `port`, if that is said. */
  readonly registries?: number;
  readonly port?: number;
  /** Two, if not said. */
  readonly workers?: number;
  /** Whether one worker has its jobs pushed, in place of pulling them. */
  readonly withPush?: boolean;
  /** Whether the functions that no client talks to run as well; they do, if not said. */
  readonly withAll?: boolean;
  /** Further settings, of all programs and of some. */
  readonly env?: Environment;
  readonly functionsEnv?: Environment;
  readonly workerEnv?: Environment;
  /** What the programs say, line by line, after the name of the program. */
  readonly onLog?: (line: string) => void;
}

/** The whole deployment on this machine: every program in a process of its own, as on Google Cloud. */
export interface Cloud extends AsyncDisposable {
  readonly registries: readonly FrameworkProcess[];
  readonly workers: readonly WorkerProcess[];
  readonly storage: StorageFake;
  /** What functions and commands of the deployment are told. */
  readonly functionsEnv: Environment;
  /** What a function said so far, which is not the registry. */
  said(target: "prebuild" | "maintenance" | "burial"): readonly string[];
  /** Whoever starts another process ends it. */
  startRegistry(env?: Environment): Promise<FrameworkProcess>;
  startWorker(env?: Environment): Promise<WorkerProcess>;
  /** Publishes on a topic, as `gcloud pubsub topics publish` does; gives the message's id. */
  publish(topic: keyof ReturnType<typeof topicNames>, data: string | Uint8Array): Promise<string>;
  /** What lies on the topic of dead letters. */
  setAside(): Promise<readonly { readonly text: string }[]>;
}

const source = resolve(import.meta.dirname, "../../functions/index.ts");
const bucket = "firn-blobs";

export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { emulators, project } = options;
  const topics = topicNames("firn");
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const storage = resources.use(await startStorageFake({ publicRead: true }));
  storage.createBucket(bucket);
  const common = {
    FIRESTORE_EMULATOR_HOST: emulators.firestore,
    PUBSUB_EMULATOR_HOST: emulators.pubsub,
    METADATA_SERVER_DETECTION: "none",
    FIRN_PROJECT: project,
    FIRN_BUCKET: bucket,
    FIRN_STORAGE_ENDPOINT: storage.url,
    FIRN_PACKAGE_SET: options.packageSet,
    ...options.env,
  };
  const functionsEnv = {
    ...common,
    FIRN_BLOB_URL: `${storage.url}/${bucket}`,
    // One address is all who ask here.
    FIRN_QUOTA: "off",
    ...options.functionsEnv,
  };
  const start = async (target: string, port?: number, env: Environment = {}) =>
    await startFramework(source, target, {
      env: { ...functionsEnv, ...env, FUNCTION_TARGET: target },
      onLine: (line) => options.onLog?.(`${target}: ${line}`),
      ...(port === undefined ? {} : { port }),
    });
  const kept = async <T extends AsyncDisposable>(started: Promise<T>) =>
    resources.use(await started);
  let started = 0;
  const work = async (more: Environment = {}) => {
    started += 1;
    const data = join(folder.path, `worker-${started}`);
    const name = `worker ${started}`;
    const env = { ...common, FIRN_DATA: data, ...options.workerEnv, ...more };
    const onLine = (line: string) => options.onLog?.(`${name}: ${line}`);
    return await startWorker({ env, onLine });
  };

  const others = ["prebuild", "maintenance", "burial"] as const;
  const running =
    options.withAll === false ? [] : await Promise.all(others.map((target) => kept(start(target))));
  const [prebuild, maintenance, burial] = running;
  const pushPort = options.withPush === true ? await freePort() : undefined;
  const pushed = pushPort === undefined ? undefined : `http://127.0.0.1:${pushPort}`;
  const pushEnv: Environment =
    pushPort === undefined
      ? {}
      : { FIRN_JOBS: "push", FIRN_PUSH_ACCOUNT: "anybody", FIRN_PORT: String(pushPort) };
  await provision({
    pubsub: emulators.pubsub,
    projectId: project,
    push: {
      ...(prebuild && { prebuilds: prebuild.url }),
      ...(maintenance && { maintenance: maintenance.url }),
      ...(burial && { dead: burial.url }),
      ...(pushed && {
        jobs: `${pushed}/`,
        prebuildJobs: `${pushed}/prebuilds`,
        pins: `${pushed}/pins`,
      }),
    },
    retry: { least: 1, most: 10 },
  });
  const [registries, workers] = await Promise.all([
    Promise.all(
      Array.from({ length: options.registries ?? 1 }, (_, i) =>
        kept(start("registry", i === 0 ? options.port : undefined)),
      ),
    ),
    Promise.all(Array.from({ length: options.workers ?? 2 }, () => kept(work(pushEnv)))),
  ]);

  const all = resources.move();
  return {
    registries,
    workers,
    storage,
    functionsEnv,
    said: (target) => running[others.indexOf(target)]?.said ?? [],
    startRegistry: (env) => start("registry", undefined, env),
    startWorker: work,
    async publish(topic, data) {
      const url = `http://${emulators.pubsub}/v1/projects/${project}/topics/${topics[topic]}:publish`;
      const body = JSON.stringify({ messages: [{ data: Buffer.from(data).toString("base64") }] });
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body });
      const { messageIds } = (await response.json()) as { messageIds: string[] };
      return messageIds[0] ?? "";
    },
    async setAside() {
      const name = `projects/${project}/subscriptions/${deadLetterSubscription()}`;
      const url = `http://${emulators.pubsub}/v1/${name}:pull`;
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ maxMessages: 100, returnImmediately: true });
      const response = await fetch(url, { method: "POST", headers, body });
      const { receivedMessages = [] } = (await response.json()) as {
        receivedMessages?: { message: { data: string } }[];
      };
      return receivedMessages.map(({ message }) => ({
        text: Buffer.from(message.data, "base64").toString(),
      }));
    },
    [Symbol.asyncDispose]: async () => await all.disposeAsync(),
  };
}
