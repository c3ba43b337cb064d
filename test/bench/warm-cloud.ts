import { randomUUID } from "node:crypto";
import { buildKey } from "../../core/build-key.ts";
import { createGoogleBuildCache } from "../../core/google/build-cache.ts";
import { connectFirestore } from "../../core/google/firestore.ts";
import { createGooglePlans } from "../../core/google/plans.ts";
import { parseImage } from "../../core/image.ts";
import { withPlans } from "../../core/layer-plans.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { digestOf } from "../../core/digest.ts";
import { readSettings } from "../../core/setting.ts";
import { imageOptions } from "../../core/image-settings.ts";
import { functionsSettings } from "../../core/settings.ts";
import { startEmulators } from "../../infra/local/emulators.ts";

const revision = "0123456789012345678901234567890123456789";
const url = "https://git.example.com/packages";

/** The path of an image that was built before, with a manifest of some sixty layers. */
export const warmPath = "/v2/hello/manifests/latest";

/** An emulator that holds the record of an image which was built, and what the functions are told to serve it. */
export async function startWarmCloud() {
  const { HOME = "", PATH = "" } = process.env;
  const emulators = await startEmulators({ HOME, PATH });
  const project = `firn-${randomUUID()}`;
  await using firestore = connectFirestore({
    projectId: project,
    host: emulators.firestore,
    ssl: false,
  });
  const cache = createGoogleBuildCache(firestore, Date.now);
  const image = parseImage("hello", "amd64");
  const pin = { packageSet: `git+${url}`, revision };
  const env = {
    FIRESTORE_EMULATOR_HOST: emulators.firestore,
    PUBSUB_EMULATOR_HOST: emulators.pubsub,
    METADATA_SERVER_DETECTION: "none",
    FIRN_PROJECT: project,
    FIRN_BUCKET: "firn-blobs",
    FIRN_PACKAGE_SET: `git+${url}#${revision}`,
    FUNCTION_TARGET: "registry",
  };
  // As the function will read them: another default there is another key.
  const options = imageOptions(readSettings(functionsSettings, env));
  // Whoever asked for this commit first has written down that no plan applies to it.
  await withPlans(createGooglePlans(firestore), pin, options.layerBudget);
  const key = buildKey(image, pin, options);
  await cache.request({ key, image, pin }, "pull");
  const claimed = await cache.claim(key, "bench", 60_000);
  if (claimed.state !== "mine") throw new Error("the record could not be written");
  const layer = {
    mediaType: mediaTypes.gzipLayer,
    digest: `sha256:${"a".repeat(64)}`,
    size: 12345,
  };
  const layers = Array.from({ length: 60 }, () => layer);
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: layer, layers };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const manifest = { digest: digestOf(bytes), mediaType: mediaTypes.manifest, bytes };
  await cache.settle(claimed.lease, { state: "ready", manifest });
  return {
    env,
    [Symbol.asyncDispose]: () => emulators[Symbol.asyncDispose](),
  };
}
