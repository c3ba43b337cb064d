import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseDigest, type Digest } from "../../core/digest.ts";
import type { BlobStore } from "../../core/ports.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import { done, PushError, type PushRequest } from "./push-exchange.ts";
import type { PushRepository } from "./push-repository.ts";

/** Uploads of blobs, in one request or in several. [OCI distribution specification 1.1, "Pushing blobs"] */
export interface Uploads {
  /** POST: begins an upload, mounts a blob of another repository, or takes all of it at once. */
  begin(
    repository: PushRepository,
    request: PushRequest,
    repositoryOf: (name: string) => PushRepository | undefined,
  ): Promise<RegistryResponse>;
  /** What else is done to an upload that was begun: GET, PATCH, PUT or DELETE. */
  go(repository: PushRepository, id: string, request: PushRequest): Promise<RegistryResponse>;
}

/** `folder`, which is made, holds what was uploaded in part. */
export async function createUploads(folder: string, blobs: BlobStore): Promise<Uploads> {
  await mkdir(folder);
  const begun = new Map<string, string>();
  const pathOf = (id: string) => join(folder, id);
  const sizeOf = async (id: string) => (await stat(pathOf(id))).size;

  async function store(
    repository: PushRepository,
    text: string | null,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    const digest = digestIn(text);
    const measure = await blobs.write(bytes, signal);
    if (measure.digest !== digest) {
      throw new PushError(400, "DIGEST_INVALID", `what was sent has the digest ${measure.digest}`);
    }
    repository.blobs.add(digest);
    return stored(repository, digest);
  }

  async function progress(name: string, id: string, status: number): Promise<RegistryResponse> {
    return done(status, {
      location: `/v2/${name}/blobs/uploads/${id}`,
      // Of nothing too, it says that the first byte is there.
      range: `0-${Math.max((await sizeOf(id)) - 1, 0)}`,
      "docker-upload-uuid": id,
      "oci-chunk-min-length": 1,
    });
  }

  /** Adds a chunk, which has to begin where the last one ended. */
  async function append(name: string, id: string, request: PushRequest): Promise<void> {
    const given = request.headers["content-range"];
    const [, first, last] = /^(?:bytes )?(\d+)-(\d+)/.exec(given ?? "")?.map(Number) ?? [];
    const size = await sizeOf(id);
    if (given !== undefined && first !== size) {
      const { headers } = await progress(name, id, 416);
      const message = `a chunk that begins at ${size} comes next, not "${given}"`;
      throw new PushError(416, "BLOB_UPLOAD_INVALID", message, headers);
    }
    await pipeline(request.body, createWriteStream(pathOf(id), { flags: "a" }));
    if (last !== undefined && last + 1 !== (await sizeOf(id))) {
      const message = `the chunk is not as long as "${given}" says`;
      throw new PushError(400, "SIZE_INVALID", message);
    }
  }

  return {
    async begin(repository, request, repositoryOf) {
      const { query, body, signal } = request;
      const mount = parseDigest(query.get("mount") ?? "");
      if (mount !== undefined && repositoryOf(query.get("from") ?? "")?.blobs.has(mount) === true) {
        repository.blobs.add(mount);
        return stored(repository, mount);
      }
      if (query.has("digest")) return await store(repository, query.get("digest"), body, signal);
      const id = randomUUID();
      await writeFile(pathOf(id), "");
      begun.set(id, repository.name);
      return await progress(repository.name, id, 202);
    },
    async go(repository, id, request) {
      const { name } = repository;
      if (begun.get(id) !== name) {
        throw new PushError(404, "BLOB_UPLOAD_UNKNOWN", `there is no upload ${id}`);
      }
      const end = async () => {
        begun.delete(id);
        await rm(pathOf(id));
      };
      switch (request.method) {
        case "GET":
          return await progress(name, id, 204);
        case "PATCH":
          await append(name, id, request);
          return await progress(name, id, 202);
        case "PUT": {
          digestIn(request.query.get("digest"));
          await append(name, id, request);
          const bytes = createReadStream(pathOf(id)) as AsyncIterable<Uint8Array>; // no encoding was set
          const answer = await store(
            repository,
            request.query.get("digest"),
            bytes,
            request.signal,
          );
          await end();
          return answer;
        }
        case "DELETE":
          await end();
          return done(204);
        default:
          throw new PushError(
            405,
            "UNSUPPORTED",
            `${request.method} is nothing to do with an upload`,
          );
      }
    },
  };
}

function digestIn(text: string | null): Digest {
  const digest = parseDigest(text ?? "");
  if (digest !== undefined) return digest;
  throw new PushError(400, "DIGEST_INVALID", `"${text ?? ""}" is not a SHA-256 digest`);
}

function stored({ name }: PushRepository, digest: Digest): RegistryResponse {
  const location = `/v2/${name}/blobs/${digest}`;
  return done(201, { location, "docker-content-digest": digest });
}
