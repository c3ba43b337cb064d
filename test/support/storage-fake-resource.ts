import { Refusal } from "./storage-fake-exchange.ts";

/** What a client may say of an object: with its upload, or later. */
export interface Given {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentEncoding?: string;
  readonly metadata?: Readonly<Record<string, string | null>>;
  /** Checked against the bytes when they are here. */
  readonly md5Hash?: string;
  readonly crc32c?: string;
}

/** An object as the JSON interface describes it; int64 are strings there. */
export interface Resource extends Given {
  readonly kind: "storage#object";
  readonly id: string;
  readonly selfLink: string;
  readonly mediaLink: string;
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  readonly metageneration: string;
  readonly contentType: string;
  readonly size: string;
  readonly md5Hash: string;
  readonly crc32c: string;
  readonly etag: string;
  readonly storageClass: "STANDARD";
  readonly timeCreated: string;
  readonly updated: string;
}

/** An object under a name, at a generation that no object had before. */
export function named(
  content: Given & { readonly size: string; readonly md5Hash: string; readonly crc32c: string },
  bucket: string,
  name: string,
  generation: number,
  at: number,
): Resource {
  const path = `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  const time = new Date(at).toISOString();
  return {
    ...content,
    kind: "storage#object",
    id: `${bucket}/${name}/${generation}`,
    selfLink: path,
    mediaLink: `/download${path}?generation=${generation}&alt=media`,
    bucket,
    name,
    generation: `${generation}`,
    metageneration: "1",
    contentType: content.contentType ?? "application/octet-stream",
    etag: etagOf(generation, 1),
    storageClass: "STANDARD",
    timeCreated: time,
    updated: time,
  };
}

/** Changed in what a client says of it; null takes a field away, and fields of `metadata` one by one. */
export function patched(resource: Resource, given: Given, at: number): Resource {
  const { metadata, contentType, cacheControl, contentEncoding } = given;
  const metageneration = Number(resource.metageneration) + 1;
  const kept = Object.entries({ ...resource.metadata, ...metadata });
  return {
    ...resource,
    ...(contentType === undefined ? {} : { contentType }),
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    metadata: Object.fromEntries(kept.filter(([, value]) => value !== null)),
    metageneration: `${metageneration}`,
    etag: etagOf(Number(resource.generation), metageneration),
    updated: new Date(at).toISOString(),
  };
}

function etagOf(generation: number, metageneration: number): string {
  return Buffer.from(`${generation}/${metageneration}`).toString("base64");
}

/** Refuses what a request demands of the object that is, or is not, under a name; `of` is "" or "Source". */
export function demand(query: URLSearchParams, found: Resource | undefined, of = ""): void {
  const generation = found?.generation ?? "0";
  const metageneration = found?.metageneration ?? "0";
  const asked = (what: string, otherwise: string) => query.get(`if${of}${what}`) ?? otherwise;
  const holds =
    asked("GenerationMatch", generation) === generation &&
    asked("MetagenerationMatch", metageneration) === metageneration;
  if (!holds) {
    const message = "At least one of the pre-conditions you specified did not hold.";
    throw new Refusal(412, "conditionNotMet", message);
  }
  const unchanged =
    asked("GenerationNotMatch", "") === generation ||
    asked("MetagenerationNotMatch", "") === metageneration;
  if (unchanged) throw new Refusal(304, "notModified", "Not Modified");
}

/** The headers with which Cloud Storage sends an object's bytes. */
export function headersOf(resource: Resource): Readonly<Record<string, string>> {
  const { cacheControl, contentEncoding, metadata = {} } = resource;
  const custom = Object.entries(metadata).map(([name, value]) => [
    `x-goog-meta-${name}`,
    `${value}`,
  ]);
  return {
    "accept-ranges": "bytes",
    "content-type": resource.contentType,
    ...(cacheControl === undefined ? {} : { "cache-control": cacheControl }),
    ...(contentEncoding === undefined ? {} : { "content-encoding": contentEncoding }),
    etag: `"${Buffer.from(resource.md5Hash, "base64").toString("hex")}"`,
    "last-modified": new Date(resource.updated).toUTCString(),
    "x-goog-generation": resource.generation,
    "x-goog-hash": `crc32c=${resource.crc32c},md5=${resource.md5Hash}`,
    "x-goog-metageneration": resource.metageneration,
    "x-goog-storage-class": resource.storageClass,
    "x-goog-stored-content-encoding": contentEncoding ?? "identity",
    "x-goog-stored-content-length": resource.size,
    ...Object.fromEntries(custom),
  };
}
