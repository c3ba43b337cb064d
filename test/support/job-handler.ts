import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import type { Job, JobQueue, Nix, Quotas } from "../../core/ports.ts";
import type { Build } from "../../worker/build.ts";
import { createJobHandler } from "../../worker/job.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { buildOf, options } from "./builds.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const git = buildOf("git");

/** The handler of jobs over real local adapters, with a Nix that is asked for pins alone; git was asked for. */
export async function startJobHandler(
  build: Build,
  pin: Nix["pin"] = async () => ({ state: "pinned", revision: "r1" }),
  spend: Quotas["spend"] = async () => undefined,
) {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const cache = createLocalBuildCache(database, Date.now);
  const pins = createLocalPins(database);
  const stopping = new AbortController();
  const said: string[] = [];
  const log = (severity: string, message: string) => void said.push(`${severity} ${message}`);
  const unused = () => Promise.reject(new Error("this test asks Nix for pins alone"));
  const nix: Nix = {
    pin,
    evaluate: unused,
    realise: unused,
    release: unused,
    closure: unused,
    survey: unused,
  };
  const plans = createLocalPlans(database);
  const pulls = createLocalPulls(database);
  const blobs = createLocalBlobStore(folder.path);
  const published: Job[] = [];
  const ahead: JobQueue = {
    publish: async (asked) => void published.push(asked),
    consume: () => Promise.reject(new Error("this test takes no jobs")),
  };
  const popularity = noPopularity;
  const packageSet = { kind: "starter" } as const;
  const planning = { plans, pulls, blobs, ahead, options, popularity, packageSet };
  const tools = {
    cache,
    pins,
    nix,
    build,
    log,
    now: Date.now,
    moving: undefined,
    quotas: { spend },
    ...planning,
  };
  const handle = createJobHandler(tools, stopping.signal);
  await cache.request(git, "pull");
  return {
    cache,
    pins,
    plans,
    published,
    handle,
    stopping,
    said,
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
