import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Refusal, readJson, type FakeAnswer, type FakeRequest } from "./storage-fake-exchange.ts";
import { parseMultipart } from "./storage-fake-multipart.ts";
import type { Objects } from "./storage-fake-objects.ts";
import { demand, type Given, type Resource } from "./storage-fake-resource.ts";

// What is kept of a chunk whose connection was cut, and what chunks but the last have to be whole multiples of.
const quantum = 256 * 1024;

interface Session {
  readonly bucket: string;
  readonly name: string;
  readonly given: Given;
  readonly query: URLSearchParams;
  readonly path: string;
  /** Bytes that are on the disk. */
  size: number;
  finished?: Resource;
}

/** Uploads of each kind; those that are not finished are forgotten when the fake ends. */
export class Uploads {
  readonly #objects: Objects;
  readonly #folder: string;
  readonly #sessions = new Map<string, Session>();

  constructor(folder: string, objects: Objects) {
    this.#objects = objects;
    this.#folder = join(folder, "uploads");
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Names of objects whose upload has begun and neither ended nor been cancelled. */
  get open(): readonly string[] {
    const sessions = [...this.#sessions.values()];
    return sessions.filter(({ finished }) => finished === undefined).map(({ name }) => name);
  }

  /** Metadata and bytes in one request, which are held in memory. */
  async multipart(bucket: string, request: FakeRequest): Promise<FakeAnswer> {
    const body = Buffer.concat(await Array.fromAsync(request.body));
    const { given, type, bytes } = parseMultipart(request.headers["content-type"] ?? "", body);
    const name = request.url.searchParams.get("name") ?? given.name;
    return await this.#whole(bucket, name, { contentType: type, ...given }, bytes, request);
  }

  /** Bytes and nothing else. */
  async media(bucket: string, request: FakeRequest): Promise<FakeAnswer> {
    const name = request.url.searchParams.get("name") ?? undefined;
    const bytes = Buffer.concat(await Array.fromAsync(request.body));
    const type = request.headers["content-type"];
    const given = type === undefined ? {} : { contentType: type };
    return await this.#whole(bucket, name, given, bytes, request);
  }

  async start(bucket: string, request: FakeRequest): Promise<FakeAnswer> {
    this.#objects.demandBucket(bucket);
    const { name: named, ...described } = await readJson<Given & { name: string }>(request.body);
    const query = request.url.searchParams;
    const name = query.get("name") ?? named ?? "";
    demand(query, this.#objects.find(bucket, name)?.resource);
    const type = request.headers["x-upload-content-type"];
    const given = typeof type === "string" ? { contentType: type, ...described } : described;
    const id = randomUUID();
    const path = join(this.#folder, id);
    await writeFile(path, "");
    this.#sessions.set(id, { bucket, name, given, query, path, size: 0 });
    const location = new URL(request.url);
    location.search = `?${new URLSearchParams({ uploadType: "resumable", upload_id: id }).toString()}`;
    return { status: 200, headers: { location: location.href, "x-guploader-uploadid": id } };
  }

  status(id: string): FakeAnswer {
    const session = this.#session(id);
    return session.finished === undefined ? incomplete(session) : done(session.finished);
  }

  async chunk(id: string, request: FakeRequest): Promise<FakeAnswer> {
    const session = this.#session(id);
    if (session.finished !== undefined) return done(session.finished);
    const range = request.headers["content-range"] ?? "bytes 0-*/*";
    const [, first, last, total] = /^bytes (\d+)-(-?\d+|\*)\/(\d+|\*)$/.exec(range) ?? [];
    if (Number(first) !== session.size) {
      const message = `the chunk is "${range}", and ${session.size} bytes are here`;
      throw new Refusal(400, "invalid", message);
    }
    await append(session, request.body);
    // A client that does not know where it ends says so with its last chunk, or sends all in one.
    const ends = total === "*" ? last === "*" : Number(total) === session.size;
    if (!ends) {
      if (session.size % quantum === 0) return incomplete(session);
      throw new Refusal(400, "invalid", `a chunk ended at ${session.size} bytes`);
    }
    const given = { ...session.given, ...checksumsIn(request) };
    const upload = { path: session.path, given, loseBytes: request.loseBytes };
    const resource = await this.#objects.put(session.bucket, session.name, upload, session.query);
    session.finished = resource;
    return done(resource);
  }

  async cancel(id: string): Promise<FakeAnswer> {
    const session = this.#session(id);
    this.#sessions.delete(id);
    if (session.finished === undefined) await rm(session.path, { force: true });
    return { status: 499 };
  }

  #session(id: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Refusal(410, "gone", `there is no upload ${id}`);
    return session;
  }

  async #whole(
    bucket: string,
    name: string | undefined,
    described: Given,
    bytes: Uint8Array,
    request: FakeRequest,
  ): Promise<FakeAnswer> {
    if (name === undefined) throw new Refusal(400, "required", "Required parameter: name");
    const path = join(this.#folder, randomUUID());
    await writeFile(path, bytes);
    const given = { ...described, ...checksumsIn(request) };
    const upload = { path, given, loseBytes: request.loseBytes };
    return done(await this.#objects.put(bucket, name, upload, request.url.searchParams));
  }
}

// What arrived of a chunk that was cut stays, as far as it is whole quanta.
async function append(session: Session, body: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(session.path, "r+");
  let pending: Uint8Array = Buffer.alloc(0);
  const write = async (bytes: Uint8Array) => {
    await file.write(bytes, 0, bytes.length, session.size);
    session.size += bytes.length;
  };
  for await (const chunk of body) {
    const bytes = Buffer.concat([pending, chunk]);
    const whole = bytes.length - (bytes.length % quantum);
    if (whole > 0) await write(bytes.subarray(0, whole));
    pending = bytes.subarray(whole);
  }
  await write(pending);
}

function incomplete({ size }: Session): FakeAnswer {
  return { status: 308, headers: size === 0 ? {} : { range: `bytes=0-${size - 1}` } };
}

function done(resource: Resource): FakeAnswer {
  return { status: 200, body: resource };
}

function checksumsIn({ headers }: FakeRequest): Given {
  const text = String(headers["x-goog-hash"] ?? "");
  const md5Hash = /md5=([^,\s]+)/.exec(text)?.[1];
  const crc32c = /crc32c=([^,\s]+)/.exec(text)?.[1];
  return {
    ...(md5Hash === undefined ? {} : { md5Hash }),
    ...(crc32c === undefined ? {} : { crc32c }),
  };
}
