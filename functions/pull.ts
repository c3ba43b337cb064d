import { LRUCache } from "lru-cache";
import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import { RegistryError } from "../core/errors.ts";
import { parseImage, type Architecture, type Image } from "../core/image.ts";
import type { Pin } from "../core/package-set.ts";
import type { BuildCache, JobQueue } from "../core/ports.ts";
import { requestBuild } from "../core/request-build.ts";
import { isSettled, type SettledRecord } from "../core/record.ts";
import type { Log } from "../core/log.ts";
import type { CurrentPins } from "./current-pin.ts";
import type { PullNotes } from "./pull-notes.ts";
import type { RegistryResponse } from "./exchange.ts";
import * as respond from "./respond.ts";
import { canBeBuilt } from "./tag.ts";
import type { Waiting } from "./waiting.ts";

export interface PullTools {
  readonly cache: BuildCache;
  readonly queue: JobQueue;
  readonly pins: CurrentPins;
  readonly waiting: Waiting;
  readonly notes: PullNotes;
  readonly options: ImageOptions;
  /** The platform of names that do not say one. */
  readonly architecture: Architecture;
  readonly log: Log;
}

/** What came of a pull within the time it was held. */
export type Pulled =
  | { readonly state: "served"; readonly response: RegistryResponse }
  | { readonly state: "pending"; readonly key: BuildKey | undefined };

/** Manifests kept in the process: about 20 KB each at the most, 64 MB in all. */
const kept = { max: 20_000, maxSize: 64 * 1024 * 1024 };

/** Makes the function that answers a pull by tag: from memory, from the record, or by having the image built. */
export function createPull(tools: PullTools) {
  const { cache, pins, waiting, options, notes } = tools;
  const ready = new LRUCache<BuildKey, RegistryResponse>({
    ...kept,
    sizeCalculation: ({ headers }) => Number(headers["content-length"]) + 1000,
  });

  /** The answer that a settled record gives; throws what a client is told of a failure. */
  function answer(record: SettledRecord): RegistryResponse {
    if (record.state === "ready") {
      const response = respond.manifest(record.manifest, "tag");
      ready.set(record.key, response);
      return response;
    }
    const { reason, message, log: lines } = record.failure;
    if (reason === "service") return respond.unavailable(message);
    const tail = lines.length === 0 ? "" : `\nThe last lines of its log:\n${lines.join("\n")}`;
    throw new RegistryError(404, "MANIFEST_UNKNOWN", `${message}${tail}`);
  }

  /** Starts the build or joins it, and waits. */
  async function build(
    key: BuildKey,
    image: Image,
    pin: Pin,
    signal: AbortSignal,
  ): Promise<Pulled> {
    const asked = await requestBuild(tools, { key, image, pin }, "pull");
    if (isSettled(asked)) return served(answer(asked));
    using wait = waiting.join(key);
    const settled = await wait.settled(signal);
    if (settled === undefined) return { state: "pending", key };
    return served(answer(settled));
  }

  async function find(
    key: BuildKey,
    image: Image,
    pin: Pin,
    deadline: () => AbortSignal,
  ): Promise<Pulled> {
    const record = await cache.read(key);
    if (record?.state === "ready") return served(answer(record));
    return await build(key, image, pin, deadline());
  }

  async function pinOf(tag: string, deadline: () => AbortSignal): Promise<Pin | undefined> {
    const known = await pins.known(tag);
    if (known !== undefined) return known;
    const found = await pins.lookUp(tag, deadline());
    if (found?.state !== "failed") return found?.pin;
    const { reason, message } = found.failure;
    if (reason === "revision-unknown") throw new RegistryError(404, "MANIFEST_UNKNOWN", message);
    throw new Unavailable(message);
  }

  /** `deadline` is asked for only where there is something to wait for. */
  return async (name: string, tag: string, deadline: () => AbortSignal): Promise<Pulled> => {
    const image = parseImage(name, tools.architecture);
    if (!canBeBuilt(tag)) {
      throw new RegistryError(404, "MANIFEST_UNKNOWN", `"${tag}" is not a tag that can be built`);
    }
    const pin = await pinOf(tag, deadline);
    if (pin === undefined) return { state: "pending", key: undefined };
    const key = buildKey(image, pin, options);
    const warm = ready.get(key);
    const pulled = warm ? served(warm) : await find(key, image, pin, deadline);
    if (pulled.state === "served" && pulled.response.status === 200) await notes.note(tag, image);
    return pulled;
  };
}

function served(response: RegistryResponse): Pulled {
  return { state: "served", response };
}

/** Something firn needs is out of reach; the client is told to come back. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
