import { createHash, randomUUID } from "node:crypto";
import {
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { copyFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Crc32c } from "../../core/google/crc32c.ts";
import { Refusal } from "./storage-fake-exchange.ts";
import { demand, named, patched, type Given, type Resource } from "./storage-fake-resource.ts";

export interface StoredObject {
  readonly resource: Resource;
  /** The file with its bytes. */
  readonly path: string;
}

/** Buckets and their objects, in a folder: bytes in files with names of no meaning, a file with the resource beside each. */
export class Objects {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #objects = new Map<string, StoredObject>();
  readonly #buckets: string;
  #generation = 0;

  constructor(folder: string, now: () => number) {
    this.#folder = join(folder, "objects");
    this.#buckets = join(folder, "buckets");
    this.#now = now;
    mkdirSync(this.#folder, { recursive: true });
    mkdirSync(this.#buckets, { recursive: true });
    for (const file of readdirSync(this.#folder).filter((name) => name.endsWith(".json"))) {
      const path = join(this.#folder, file);
      const resource = JSON.parse(readFileSync(path, "utf8")) as Resource;
      this.#objects.set(keyOf(resource.bucket, resource.name), {
        resource,
        path: path.slice(0, -".json".length),
      });
    }
  }

  hasBucket(name: string): boolean {
    return readdirSync(this.#buckets).includes(name);
  }

  createBucket(name: string): void {
    if (this.hasBucket(name)) throw new Refusal(409, "conflict", "You already own this bucket.");
    mkdirSync(join(this.#buckets, name));
  }

  /** Refuses a bucket that does not exist. */
  demandBucket(name: string): void {
    if (!this.hasBucket(name))
      throw new Refusal(404, "notFound", "The specified bucket does not exist.");
  }

  find(bucket: string, name: string): StoredObject | undefined {
    this.demandBucket(bucket);
    return this.#objects.get(keyOf(bucket, name));
  }

  read(bucket: string, name: string): StoredObject {
    const found = this.find(bucket, name);
    if (found === undefined) {
      throw new Refusal(404, "notFound", `No such object: ${bucket}/${name}`);
    }
    return found;
  }

  /** In the order of their names. */
  list(bucket: string, prefix: string): readonly Resource[] {
    this.demandBucket(bucket);
    const all = [...this.#objects.values()].map(({ resource }) => resource);
    const found = all.filter((each) => each.bucket === bucket && each.name.startsWith(prefix));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes a file over as an object, if its bytes have the checksums that were given. */
  async put(
    bucket: string,
    name: string,
    upload: { readonly path: string; readonly given: Given; readonly loseBytes: number },
    query: URLSearchParams,
  ): Promise<Resource> {
    const { md5Hash, crc32c, ...given } = upload.given;
    if (upload.loseBytes > 0) {
      const { size: whole } = await stat(upload.path);
      await truncate(upload.path, Math.max(0, whole - upload.loseBytes));
    }
    const content = await checksumsOf(upload.path);
    demandChecksum("MD5 hash", md5Hash, content.md5Hash);
    demandChecksum("CRC32C", crc32c, content.crc32c);
    demand(query, this.find(bucket, name)?.resource);
    const path = join(this.#folder, randomUUID());
    renameSync(upload.path, path);
    return this.#place({ ...given, ...content }, bucket, name, path, query);
  }

  patch(bucket: string, name: string, given: Given, query: URLSearchParams): Resource {
    const { resource, path } = this.read(bucket, name);
    demand(query, resource);
    return this.#keep({ resource: patched(resource, given, this.#now()), path });
  }

  move(bucket: string, from: string, to: string, query: URLSearchParams): Resource {
    const source = this.read(bucket, from);
    demand(query, source.resource, "Source");
    const moved = this.#place(source.resource, bucket, to, source.path, query);
    this.#objects.delete(keyOf(bucket, from));
    return moved;
  }

  async copy(
    from: readonly [bucket: string, name: string],
    to: readonly [bucket: string, name: string],
    query: URLSearchParams,
  ): Promise<Resource> {
    const source = this.read(...from);
    demand(query, source.resource, "Source");
    const path = join(this.#folder, randomUUID());
    await copyFile(source.path, path);
    return this.#place(source.resource, ...to, path, query);
  }

  remove(bucket: string, name: string, query: URLSearchParams): void {
    const { resource, path } = this.read(bucket, name);
    demand(query, resource);
    this.#objects.delete(keyOf(bucket, name));
    this.#erase(path);
  }

  // From the check of the preconditions to the object in its place nothing is awaited: that makes it atomic.
  #place(
    content: Parameters<typeof named>[0],
    bucket: string,
    name: string,
    path: string,
    query: URLSearchParams,
  ): Resource {
    const present = this.find(bucket, name);
    demand(query, present?.resource);
    this.#generation = Math.max(this.#generation + 1, this.#now() * 1000);
    const resource = named(content, bucket, name, this.#generation, this.#now());
    this.#keep({ resource, path });
    if (present !== undefined) this.#erase(present.path);
    return resource;
  }

  #keep(object: StoredObject): Resource {
    const { resource, path } = object;
    this.#objects.set(keyOf(resource.bucket, resource.name), object);
    writeFileSync(`${path}.json`, JSON.stringify(resource));
    return resource;
  }

  #erase(path: string): void {
    rmSync(path, { force: true });
    rmSync(`${path}.json`, { force: true });
  }
}

function keyOf(bucket: string, name: string): string {
  return `${bucket}/${name}`;
}

function demandChecksum(what: string, given: string | undefined, calculated: string): void {
  if (given === undefined || given === calculated) return;
  const message = `Provided ${what} "${given}" doesn't match calculated ${what} "${calculated}".`;
  throw new Refusal(400, "invalid", message);
}

async function checksumsOf(path: string) {
  const md5 = createHash("md5");
  const crc = new Crc32c();
  let size = 0;
  for await (const chunk of createReadStream(path)) {
    const bytes = chunk as Buffer; // a file's stream that was given no encoding
    md5.update(bytes);
    crc.update(bytes);
    size += bytes.length;
  }
  return { size: `${size}`, md5Hash: md5.digest("base64"), crc32c: crc.toString() };
}
