import { parseArgs } from "node:util";
import { NoEmulators, startEmulators } from "../../infra/local/emulators.ts";
import { messageOf } from "../../core/log.ts";
import { functionsSettings, workerSettings } from "../../core/settings.ts";
import { startCloud } from "./cloud.ts";

// `npm run cloud:local`: the whole deployment on this machine, until Ctrl-C.
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    "package-set": { type: "string", default: "starter" },
    workers: { type: "string", default: "2" },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
const stop = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.resolve());

try {
  // Settings of firn's programs that are in this environment reach those that know them.
  const fromEnvironment = (settings: Readonly<Record<string, { readonly variable: string }>>) => {
    const variables = new Set(Object.values(settings).map(({ variable }) => variable));
    const known = Object.entries(process.env).filter(([name]) => variables.has(name));
    return Object.fromEntries(known) as Readonly<Record<string, string>>; // variables that are there have text
  };
  const { HOME = "", PATH = "", CLOUDSDK_ROOT_DIR: root } = process.env;
  const environment = { HOME, PATH, ...(root === undefined ? {} : { CLOUDSDK_ROOT_DIR: root }) };
  say("starting the emulators of Firestore and Pub/Sub");
  await using emulators = await startEmulators(environment);
  say("starting a storage, four functions and the workers");
  const port = Number(values.port);
  await using cloud = await startCloud({
    emulators,
    project: "firn-local",
    packageSet: values["package-set"],
    port,
    workers: Number(values.workers),
    functionsEnv: fromEnvironment(functionsSettings),
    workerEnv: fromEnvironment(workerSettings),
    onLog: say,
  });
  const clock = setInterval(() => void cloud.publish("maintenance", "{}"), 60_000);
  const settings = Object.entries(cloud.functionsEnv).map(([name, value]) => `${name}=${value}`);
  say(`
  firn is up at http://localhost:${port}, over the emulators

    docker pull localhost:${port}/shell/git/curl
    CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=http://${emulators.pubsub}/ \\
      gcloud pubsub topics publish firn-prebuilds --project firn-local --message '{"images": ["less"]}'

  to see how far they are, with settings of their own:

    ${settings.join(" ")} \\
      npm run prebuild -- hello jq
`);
  await stop.promise;
  clearInterval(clock);
  say("stopping");
} catch (error) {
  const message =
    error instanceof NoEmulators
      ? `${error.message}. Install Java 17 and gcloud's emulators, or set CLOUDSDK_ROOT_DIR`
      : messageOf(error);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
