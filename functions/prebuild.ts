import { buildKey, type BuildKey, type ImageOptions } from "../core/build-key.ts";
import { imageRefusal, tagRefusal, type BuildPolicy } from "../core/build-policy.ts";
import { RegistryError } from "../core/errors.ts";
import { parseImages, type Image, type Platforms } from "../core/image.ts";
import { requestBuild, type RequestTools } from "../core/request-build.ts";
import type { BuildRecord } from "../core/record.ts";
import type { PackageSet, Pin } from "../core/package-set.ts";
import type { CurrentPins } from "./current-pin.ts";
import { NotAllowed } from "./pull.ts";
import { canBeBuilt } from "./tag.ts";

export interface PrebuildTools extends RequestTools {
  readonly pins: CurrentPins;
  readonly options: ImageOptions;
  /** The platforms of names that do not say one. */
  readonly platforms: Platforms;
  readonly packageSet: PackageSet;
  readonly policy: BuildPolicy;
}

/** What came of an image that was to be prebuilt: a build for each platform, and `key` is that of the record to watch. */
export type Prebuild =
  | { readonly state: "requested"; readonly builds: readonly RequestedBuild[] }
  | { readonly state: "refused"; readonly message: string };

export interface RequestedBuild {
  readonly key: BuildKey;
  readonly record: BuildRecord;
}

const mostImages = 1000;

/** The images that a message names. Throws an Error that says what is wrong with it. */
export function parsePrebuilds(message: unknown): readonly string[] {
  const images = isObject(message) ? message["images"] : undefined;
  const form = 'a message has to be {"images": ["shell/git", "python3:nixos-25.11", ...]}';
  if (!Array.isArray(images)) throw new Error(`it has no list of images: ${form}`);
  if (images.length > mostImages) {
    throw new Error(
      `it names ${images.length} images, and at most ${mostImages} are taken at once`,
    );
  }
  return images.map((image: unknown) => {
    if (typeof image === "string") return image;
    throw new Error(`${JSON.stringify(image)} is not the name of an image: ${form}`);
  });
}

/**
 * Makes the function that has one image built, named as in a pull, `shell/git:latest`, which nobody waits for. Rejects
 * where firn is to blame; the signal ends the wait for where the tag stands.
 */
export function createPrebuild(tools: PrebuildTools) {
  const { policy, packageSet } = tools;

  async function request(
    image: Image,
    pin: Pin,
    tagRefused: string | undefined,
  ): Promise<RequestedBuild> {
    const key = buildKey(image, pin, tools.options);
    const present = await tools.cache.read(key);
    if (present?.state === "ready") return { key, record: present };
    const refused = tagRefused ?? imageRefusal(policy, image);
    if (refused !== undefined) throw new NotAllowed(refused);
    const { record } = await requestBuild(tools, { key, image, pin }, "prebuild", "prebuild");
    return { key, record };
  }

  return async (text: string, signal: AbortSignal): Promise<Prebuild> => {
    try {
      const [name = "", tag = "latest", ...rest] = text.split(":");
      if (rest.length > 0) {
        throw new RegistryError(400, "NAME_INVALID", `"${text}" is not a name and a tag`);
      }
      const images = parseImages(name, tools.platforms);
      if (!canBeBuilt(tag)) {
        throw new RegistryError(400, "NAME_INVALID", `"${tag}" is not a tag that can be built`);
      }
      const known = await tools.pins.known(tag);
      const refused = tagRefusal(policy, packageSet, tag);
      if (known === undefined && refused !== undefined) throw new NotAllowed(refused);
      const found = known ? undefined : await tools.pins.lookUp(tag, signal);
      if (found?.state === "failed" && found.failure.reason === "revision-unknown") {
        return { state: "refused", message: found.failure.message };
      }
      const pin = known ?? (found?.state === "pinned" ? found.pin : undefined);
      if (pin === undefined) {
        throw new Error(
          found?.state === "failed" ? found.failure.message : "no worker looked the tag up",
        );
      }
      const builds = await Promise.all(images.map((image) => request(image, pin, refused)));
      return { state: "requested", builds };
    } catch (error) {
      if (error instanceof RegistryError) return { state: "refused", message: error.message };
      throw error;
    }
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
