import type { FrameworkProcess } from "./framework.ts";
import type { PullSource } from "./pull.ts";
import type { BuildStatus } from "./firn.ts";

/** A process of the registry function as clients see it: redirects are followed, to a next hop or to the storage. */
export function clientOf(registry: FrameworkProcess): PullSource & {
  builds(): Promise<readonly BuildStatus[]>;
  build(name: string): Promise<BuildStatus | undefined>;
} {
  const visit = async (path: string, init: RequestInit = {}) =>
    await fetch(`${registry.url}${path}`, init);
  const builds = async () => {
    const answer = (await (await visit("/status")).json()) as { builds: BuildStatus[] }; // functions/status.ts
    return answer.builds;
  };
  return {
    host: `localhost:${registry.port}`,
    fetch: visit,
    manifest: (name, reference = "latest", init = {}) =>
      visit(`/v2/${name}/manifests/${reference}`, init),
    builds,
    build: async (name) => (await builds()).find(({ image }) => image === `amd64/${name}`),
  };
}
