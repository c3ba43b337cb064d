import { ready } from "./builds.ts";
import { recordingLog } from "./recording-log.ts";
import { testRegistry, type TestWorker } from "./registry.ts";

/** A registry whose builds are ready at once, and what somebody at an address is answered who pulls there. */
export async function openWith(quota: string, worker: TestWorker = {}) {
  const { log, events } = recordingLog();
  const registry = await testRegistry({
    build: async (_key, _report, image) => ready(image.packages.join()),
    onLog: log,
    quota,
    ...worker,
  });
  const pull = async (name: string, peer = "192.0.2.7", tag = "latest") =>
    await registry.ask(`/v2/${name}/manifests/${tag}`, { peer });
  return {
    ...registry,
    events,
    pull,
    statuses: async (...pulls: readonly Parameters<typeof pull>[]) => {
      const statuses: number[] = [];
      for (const each of pulls) statuses.push((await pull(...each)).status);
      return statuses;
    },
    built: () => registry.jobs.filter(({ kind }) => kind === "build").length,
  };
}

/** A worker whose builds end when they are told to, by when pulls have been sent round. */
export function heldBuilds() {
  const { promise, resolve: finish } = Promise.withResolvers<void>();
  const worker = {
    holdMs: 50,
    build: async () => {
      await promise;
      return ready("git");
    },
  } satisfies TestWorker;
  return { worker, finish };
}
