import type { TestProject } from "vitest/node";
import { NoEmulators, startEmulators } from "../../infra/local/emulators.ts";
import { messageOf } from "../../core/log.ts";
import type { ProvidedEmulators } from "./emulators.ts";

/** Run by vitest before the first test that needs emulators; what it returns, after the last. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const { HOME = "", PATH = "", CLOUDSDK_ROOT_DIR: root } = process.env;
  const emulators = await start({
    HOME,
    PATH,
    ...(root === undefined ? {} : { CLOUDSDK_ROOT_DIR: root }),
  });
  project.provide("emulators", emulators.provided);
  return emulators.stop;
}

async function start(environment: Readonly<Record<string, string>>): Promise<{
  readonly provided: ProvidedEmulators;
  readonly stop: () => Promise<void>;
}> {
  try {
    const emulators = await startEmulators(environment);
    const { firestore, pubsub } = emulators;
    return {
      provided: { state: "running", firestore, pubsub },
      stop: async () => await emulators[Symbol.asyncDispose](),
    };
  } catch (error) {
    // The tests that need them say so, and only those: the rest of the run has nothing to do with it.
    const state = error instanceof NoEmulators ? "missing" : "broken";
    return { provided: { state, reason: messageOf(error) }, stop: async () => undefined };
  }
}
