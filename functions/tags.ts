import { buildKey, type ImageOptions } from "../core/build-key.ts";
import { compareBytes } from "../core/bytewise.ts";
import { RegistryError } from "../core/errors.ts";
import { parseImages, type Image, type Platforms } from "../core/image.ts";
import { isPinOf, packageSetId, referenceOf, type PackageSet } from "../core/package-set.ts";
import type { BuildCache, Pins } from "../core/ports.ts";
import { visible } from "../core/visible.ts";
import type { CurrentPins } from "./current-pin.ts";
import type { RegistryResponse } from "./exchange.ts";
import { linkToNext } from "./page.ts";
import * as respond from "./respond.ts";
import { canBeBuilt } from "./tag.ts";

export interface TagTools {
  readonly cache: Pick<BuildCache, "read" | "revisions">;
  readonly pins: Pick<CurrentPins, "known">;
  readonly references: Pick<Pins, "list">;
  readonly packageSet: PackageSet;
  readonly options: ImageOptions;
  /** The platforms of names that do not say one. */
  readonly platforms: Platforms;
}

const mostRevisions = 1000;

/**
 * Makes the function that lists the tags of a name, all of which can be pulled: `latest` and what it stands for, the
 * references that were looked up before, and the revisions at which this image was built. Every name that can be pulled
 * has tags, built or not: `skopeo inspect` fails otherwise. [OCI distribution specification, "Listing Tags"]
 */
export function createTags(tools: TagTools) {
  const { cache, pins, references, packageSet, options } = tools;

  /** Throws what is known of the name since it was built, or tried to be, where `latest` stands. */
  async function refuseUnknown(image: Image): Promise<void> {
    const pin = await pins.known("latest");
    const record = pin && (await cache.read(buildKey(image, pin, options)));
    if (record?.state !== "failed" || record.failure.reason !== "packages-unknown") return;
    throw new RegistryError(404, "NAME_UNKNOWN", record.failure.message);
  }

  async function tagsOf(images: readonly Image[]): Promise<readonly string[]> {
    const [listed, built] = await Promise.all([
      references.list(),
      cache.revisions(packageSetId(packageSet), images, mostRevisions),
    ]);
    const looked = listed.filter(({ id }) => isPinOf(packageSet, id));
    const all = [
      "latest",
      referenceOf(packageSet),
      ...looked.map(({ record }) => record.reference),
      ...built,
    ];
    const tags = all.filter((tag) => tag !== undefined).filter(canBeBuilt);
    return [...new Set(tags)].sort(compareBytes);
  }

  return async (name: string, query: URLSearchParams): Promise<RegistryResponse> => {
    const images = parseImages(name, tools.platforms);
    const limit = limitOf(query);
    const last = query.get("last");
    await refuseUnknown(images[0]);
    const tags = await tagsOf(images);
    const rest = last === null ? tags : tags.filter((tag) => compareBytes(tag, last) > 0);
    const page = rest.slice(0, limit);
    const lastOfPage = page.at(-1);
    const hasMore = lastOfPage !== undefined && page.length < rest.length;
    const next = new URLSearchParams({ n: String(limit), last: lastOfPage ?? "" });
    const headers = hasMore ? linkToNext(`/v2/${name}/tags/list`, next) : {};
    return respond.json({ name, tags: page }, headers);
  };
}

/** How many tags are asked for at the most. */
function limitOf(query: URLSearchParams): number {
  const text = query.get("n");
  if (text === null) return Infinity;
  if (/^\d+$/.test(text)) return Number(text);
  const message = `"${visible(text)}" is not a number of tags: n has to be a whole number such as 100, or left out`;
  throw new RegistryError(400, "UNSUPPORTED", message);
}
