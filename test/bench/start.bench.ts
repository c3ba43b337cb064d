import { join } from "node:path";
import { startFramework } from "../support/framework.ts";
import { compare, target } from "./rounds.ts";
import { startWarmCloud, warmPath } from "./warm-cloud.ts";

// How long from the start of the process to the first manifest of an image that was built before?
// Opponent: the same, with all three clients of Google Cloud imported at the start.

const source = join(import.meta.dirname, "../../functions/index.ts");
await using cloud = await startWarmCloud();
const eager = ["firestore", "pubsub", "storage"]
  .map((name) => `import "@google-cloud/${name}";`)
  .join("");

async function firstManifest(env: Readonly<Record<string, string>>): Promise<number> {
  const start = performance.now();
  await using registry = await startFramework(source, "registry", { env });
  const response = await fetch(registry.url + warmPath);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`it was answered with ${response.status}`);
  return performance.now() - start;
}

const eagerly = join(import.meta.dirname, "../..", "node_modules", ".eager.mjs");
const { writeFile, rm } = await import("node:fs/promises");
await writeFile(eagerly, eager);
try {
  const medians = await compare("ms", 9, {
    firn: async () => await firstManifest(cloud.env),
    "all clients at once": async () =>
      await firstManifest({ ...cloud.env, NODE_OPTIONS: `--import ${eagerly}` }),
  });
  const ratio = (medians["firn"] ?? NaN) / (medians["all clients at once"] ?? NaN);
  target(`at most half of it (it was ${ratio.toFixed(2)})`, ratio <= 0.5);
} finally {
  await rm(eagerly);
}
