import { digestOf, parseDigest, type Digest } from "../../core/digest.ts";
import type { Referrers } from "../../core/ports.ts";
import { referrerOf } from "../../core/referrer.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import { done, PushError, type PushRequest } from "./push-exchange.ts";
import type { PushRepository } from "./push-repository.ts";

/** The parts of a manifest or an index that a registry reads. [OCI image specification 1.1] */
interface Document {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

const limitBytes = 4 * 1024 * 1024;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** PUT of a manifest, by tag or by digest. [OCI distribution specification 1.1, "Pushing Manifests"] */
export async function putManifest(
  repository: PushRepository,
  reference: string,
  request: PushRequest,
  referrers: Referrers,
): Promise<RegistryResponse> {
  const bytes = await readWhole(request.body);
  const document = parse(bytes);
  const digest = digestOf(bytes);
  const mediaType = mediaTypeOf(document, request.headers["content-type"]);
  if (reference.includes(":") && reference !== digest) {
    throw new PushError(400, "DIGEST_INVALID", `what was sent has the digest ${digest}`);
  }
  const tags = reference.includes(":") ? request.query.getAll("tag") : [reference];
  for (const tag of tags) {
    if (!tagPattern.test(tag)) throw invalid(`"${tag}" is not a tag`);
  }
  expectBlobs(repository, document);

  await repository.keep({ digest, mediaType, bytes }, tags);
  const referring = referrerOf({ digest, mediaType, bytes });
  if (referring !== undefined) await referrers.add(referring.subject, referring.referrer);
  return done(201, {
    location: `/v2/${repository.name}/manifests/${reference}`,
    "docker-content-digest": digest,
    ...(referring !== undefined && { "oci-subject": referring.subject }),
    ...(reference.includes(":") && tags.length > 0 && { "oci-tag": tags.join(", ") }),
  });
}

/** Of an index the manifests may come later, and a subject always may. */
function expectBlobs(repository: PushRepository, { config, layers = [] }: Document): void {
  for (const blob of config === undefined ? layers : [config, ...layers]) {
    const digest = parseDigest(blob.digest);
    if (digest === undefined || !repository.blobs.has(digest)) {
      const message = `${repository.name} has no blob ${blob.digest}: push it first`;
      throw new PushError(404, "MANIFEST_BLOB_UNKNOWN", message);
    }
  }
}

function mediaTypeOf({ mediaType }: Document, header: string | undefined): string {
  const given = header?.split(";")[0]?.trim();
  if (given === undefined || given === "") throw invalid("a manifest comes with its Content-Type");
  if (mediaType !== undefined && mediaType !== given) {
    throw invalid(`the manifest says it is "${mediaType}", and its Content-Type "${given}"`);
  }
  return given;
}

async function readWhole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > limitBytes) {
      throw new PushError(413, "MANIFEST_INVALID", `a manifest has at most ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array): Document {
  try {
    const document: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof document === "object" && document !== null) return document;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid("a manifest is a JSON object");
}

function invalid(message: string): PushError {
  return new PushError(400, "MANIFEST_INVALID", message);
}

/** DELETE of a tag, a manifest or a blob. [OCI distribution specification 1.1, "Content Management"] */
export async function drop(
  repository: PushRepository,
  what: "manifests" | "blobs",
  reference: string,
): Promise<RegistryResponse> {
  const digest = parseDigest(reference);
  if (what === "blobs") {
    if (digest !== undefined && repository.blobs.delete(digest)) return done(202);
    throw new PushError(404, "BLOB_UNKNOWN", `there is no blob ${reference}`);
  }
  if (await dropped(repository, reference, digest)) return done(202);
  throw new PushError(404, "MANIFEST_UNKNOWN", `there is no manifest ${reference}`);
}

async function dropped(
  repository: PushRepository,
  reference: string,
  digest: Digest | undefined,
): Promise<boolean> {
  return digest === undefined
    ? await repository.dropTag(reference)
    : await repository.dropManifest(digest);
}
