import { createReadStream } from "node:fs";
import parseRange from "range-parser";
import { Refusal, readJson } from "./storage-fake-exchange.ts";
import type { FakeAnswer, FakeRequest, Handler, Operation } from "./storage-fake-exchange.ts";
import type { Objects, StoredObject } from "./storage-fake-objects.ts";
import { demand, headersOf, type Given } from "./storage-fake-resource.ts";
import { demandSignature, type PublicKeys } from "./storage-fake-signature.ts";
import type { Uploads } from "./storage-fake-uploads.ts";

export interface Parts {
  readonly objects: Objects;
  readonly uploads: Uploads;
  readonly keys: PublicKeys;
  /** Whether objects are read by their URLs without a signature. */
  readonly publicRead: boolean;
  readonly now: () => number;
}

/** What a request asks for, by its path: `/storage/v1` and `/upload` are the JSON interface, the rest is the XML one. */
export function handlerOf(parts: Parts, request: FakeRequest): Handler {
  const segments = request.url.pathname.split("/").slice(1).map(decodeURIComponent);
  const [first, second, third, bucket = ""] = segments;
  if (first === "upload" && third === "v1") {
    return uploadHandler(parts.uploads, segments[4] ?? "", request);
  }
  if (first !== "storage" || second !== "v1" || third !== "b") return urlHandler(parts, request);
  if (bucket === "" || segments.length === 4) return bucketHandler(parts.objects, bucket, request);
  return objectHandler(parts.objects, bucket, segments.slice(5), request);
}

function uploadHandler(uploads: Uploads, bucket: string, request: FakeRequest): Handler {
  const query = request.url.searchParams;
  const id = query.get("upload_id");
  if (id !== null) {
    if (request.method === "DELETE") {
      return { operation: "upload.cancel", handle: () => uploads.cancel(id) };
    }
    if (request.headers["content-range"]?.startsWith("bytes */") === true) {
      return { operation: "upload.status", handle: async () => uploads.status(id) };
    }
    return { operation: "upload.chunk", handle: () => uploads.chunk(id, request) };
  }
  const type = query.get("uploadType");
  if (type === "resumable") {
    return { operation: "upload.start", handle: () => uploads.start(bucket, request) };
  }
  if (type === "multipart") {
    return { operation: "upload.multipart", handle: () => uploads.multipart(bucket, request) };
  }
  return { operation: "upload.media", handle: () => uploads.media(bucket, request) };
}

function bucketHandler(objects: Objects, bucket: string, request: FakeRequest): Handler {
  if (bucket === "" && request.method === "POST") {
    return {
      operation: "bucket.create",
      handle: async () => {
        const { name = "" } = await readJson<{ name: string }>(request.body);
        objects.createBucket(name);
        return { status: 200, body: { kind: "storage#bucket", id: name, name } };
      },
    };
  }
  return {
    operation: "bucket.get",
    handle: async () => {
      objects.demandBucket(bucket);
      return { status: 200, body: { kind: "storage#bucket", id: bucket, name: bucket } };
    },
  };
}

function objectHandler(
  objects: Objects,
  bucket: string,
  [name = "", verb, ...target]: readonly string[],
  request: FakeRequest,
): Handler {
  const { method, url } = request;
  const query = url.searchParams;
  const on = (operation: Operation, handle: () => Promise<FakeAnswer>) => ({ operation, handle });
  if (name === "") return on("object.list", async () => list(objects, bucket, query));
  switch (`${method} ${verb ?? ""}`.trim()) {
    case "GET":
      if (query.get("alt") === "media") {
        return on("object.download", async () => download(objects.read(bucket, name), request));
      }
      return on("object.get", async () => {
        const { resource } = objects.read(bucket, name);
        demand(query, resource);
        return { status: 200, body: resource };
      });
    case "PATCH":
      return on("object.patch", async () => {
        const given = await readJson<Given>(request.body);
        return { status: 200, body: objects.patch(bucket, name, given, query) };
      });
    case "DELETE":
      return on("object.delete", async () => {
        objects.remove(bucket, name, query);
        return { status: 204 };
      });
    case "POST moveTo":
      return on("object.move", async () => {
        const [, to = ""] = target;
        return { status: 200, body: objects.move(bucket, name, to, query) };
      });
    case "POST rewriteTo":
    case "POST copyTo": {
      const [, into = "", , to = ""] = target;
      const copy = async () => await objects.copy([bucket, name], [into, to], query);
      if (verb === "copyTo") {
        return on("object.copy", async () => ({ status: 200, body: await copy() }));
      }
      return on("object.rewrite", async () => {
        const resource = await copy();
        return { status: 200, body: { kind: "storage#rewriteResponse", done: true, resource } };
      });
    }
    default:
      return unknown(request);
  }
}

function list(objects: Objects, bucket: string, query: URLSearchParams): FakeAnswer {
  const after = query.get("pageToken") ?? "";
  const from = query.get("startOffset") ?? "";
  const named = objects.list(bucket, query.get("prefix") ?? "");
  const all = named.filter(({ name }) => name > after && name >= from);
  const items = all.slice(0, Number(query.get("maxResults") ?? 1000));
  const nextPageToken = items.length < all.length ? items.at(-1)?.name : undefined;
  return { status: 200, body: { kind: "storage#objects", items, nextPageToken } };
}

/** Objects by their URLs: what is signed, and what is public. */
function urlHandler(parts: Parts, request: FakeRequest): Handler {
  const { method, url, headers } = request;
  if (method !== "GET" && method !== "HEAD") return unknown(request);
  return {
    operation: method === "HEAD" ? "url.head" : "url.get",
    handle: async () => {
      const [bucket = "", ...name] = url.pathname.slice(1).split("/").map(decodeURIComponent);
      if (!parts.publicRead || url.searchParams.has("X-Goog-Signature")) {
        demandSignature(method, url, headers, { keys: parts.keys, now: parts.now() });
      }
      const found = parts.objects.find(bucket, name.join("/"));
      if (found === undefined)
        throw new Refusal(404, "NoSuchKey", "The specified key does not exist.");
      return download(found, request);
    },
  };
}

function download({ resource, path }: StoredObject, request: FakeRequest): FakeAnswer {
  demand(request.url.searchParams, resource);
  const headers = headersOf(resource);
  const size = Number(resource.size);
  const ranges = parseRange(size, request.headers.range ?? "");
  if (ranges === -1) {
    throw new Refusal(416, "InvalidRange", "The requested range cannot be satisfied.");
  }
  const [range] = ranges === -2 ? [] : ranges;
  if (range === undefined) {
    const all = { ...headers, "content-length": resource.size };
    return { status: 200, headers: all, body: createReadStream(path) };
  }
  const part = {
    ...headers,
    "content-length": `${range.end - range.start + 1}`,
    "content-range": `bytes ${range.start}-${range.end}/${size}`,
  };
  return { status: 206, headers: part, body: createReadStream(path, range) };
}

function unknown({ method, url }: FakeRequest): Handler {
  const message = `the fake of Cloud Storage does not know ${method} ${url.pathname}`;
  return {
    operation: "unknown",
    handle: () => Promise.reject(new Refusal(501, "notImplemented", message)),
  };
}
