import * as fc from "fast-check";
import { manifestOf } from "./builds.ts";
import { blobDigest } from "./served.ts";

/** A request as a client could send it, in order or not. */
export interface OddRequest {
  readonly method: string;
  /** Path and query, percent-encoded or not. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

const hex = "0123456789abcdef".repeat(4);

// What a client in order sends; each part may be exchanged for an odd one, and the whole is then changed here and there.
const name = fc.constantFrom("git", "curl", "shell/git", "arm64/jq", "gti", "a/b.c/d__e");
const tag = fc.constantFrom("latest", "v1.0", "_", "r1");
const digest = fc.constantFrom(
  manifestOf("git").digest,
  blobDigest,
  `sha256:${hex}`,
  `sha512:${hex}${hex}`,
  "sha256:x",
  `sha256-${hex}`,
  `sha256-${hex}.sig`,
);
const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.stringMatching(/^[A-Za-z0-9:._/%+-]{0,60}$/),
  fc.constantFrom(
    "",
    ".",
    "..",
    "%",
    "%2e%2e",
    "%00",
    "\r\n",
    "a".repeat(300),
    "ä",
    "🧊",
    "/",
    ":",
  ),
);
const mostly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: other });

const reference = mostly(fc.oneof(tag, digest), odd);
const path = fc.oneof(
  fc.constantFrom("/", "/v2", "/v2/", "/status", "/v2/_catalog", "*", "", "http://x/v2/"),
  fc.tuple(mostly(name, odd), reference).map(([n, r]) => `/v2/${n}/manifests/${r}`),
  fc.tuple(mostly(name, odd), reference).map(([n, r]) => `/v2/${n}/blobs/${r}`),
  fc.tuple(mostly(name, odd), reference).map(([n, r]) => `/v2/${n}/referrers/${r}`),
  mostly(name, odd).map((n) => `/v2/${n}/tags/list`),
  odd.map((text) => `/status/${text}`),
  odd.map((text) => `/${text}`),
);
const parameter = fc
  .tuple(
    fc.constantFrom("n", "last", "ns", "wait", "artifactType", "digest", ""),
    fc.oneof(fc.constantFrom("0", "1", "1000", "docker.io", "a/b", "-1", "9e99", "NaN"), odd),
  )
  .map(([key, value]) => `${key}=${value}`);
const query = fc.array(parameter, { maxLength: 4 }).map((all) => all.join("&"));
const range = fc.oneof(
  fc
    .tuple(fc.constantFrom("bytes", "pages", ""), fc.nat(9000), fc.nat(9000))
    .map(([unit, first, last]) => `${unit}=${first}-${last}`),
  fc.constantFrom("bytes=-1", "bytes=-", "bytes=0-", "bytes=0-0,2-3", "bytes=9".padEnd(400, "9")),
  odd,
);
const headers = fc.record(
  {
    range,
    "if-range": odd,
    "if-none-match": fc.oneof(fc.constantFrom("*", `"${manifestOf("git").digest}"`), odd),
    "user-agent": fc.oneof(fc.constantFrom("docker/29", "containerd/2.3.4", "skopeo/1.22"), odd),
    host: odd,
    accept: fc.oneof(fc.constantFrom("*/*", "application/vnd.oci.image.index.v1+json;q=0"), odd),
  },
  { requiredKeys: [] },
);
const method = mostly(
  fc.constantFrom("GET", "HEAD"),
  fc.constantFrom("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND"),
);

/** Cuts a piece out of a text, says one twice, or puts something odd in its place. */
const mutation = fc
  .tuple(fc.nat(400), fc.nat(8), fc.constantFrom("cut", "double", "exchange"), odd)
  .map(([at, length, how, other]) => (text: string) => {
    const start = text.length === 0 ? 0 : at % text.length;
    const piece = text.slice(start, start + length);
    const there = { cut: "", double: piece + piece, exchange: other }[how];
    return text.slice(0, start) + there + text.slice(start + length);
  });
const mutated = (text: fc.Arbitrary<string>) =>
  mostly(
    text,
    fc
      .tuple(text, fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([whole, all]) => all.reduce((changed, change) => change(changed), whole)),
  );

/** Requests of all kinds, most of them nearly in order. */
export const oddRequests: fc.Arbitrary<OddRequest> = fc.record({
  method,
  target: mutated(fc.tuple(path, query).map(([p, q]) => (q === "" ? p : `${p}?${q}`))),
  headers,
});

const validName = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

/** Whether a request is a pull by tag in order, and so may have something built. */
export function mayBuild({ method: verb, target }: OddRequest): boolean {
  const [encoded = ""] = target.split("?");
  if (verb !== "GET" && verb !== "HEAD") return false;
  let decoded: string;
  try {
    decoded = decodeURIComponent(encoded);
  } catch {
    return false; // what cannot be decoded names nothing
  }
  const [, pulled = "", asked = ""] = /^\/v2\/(.+)\/manifests\/([^/]+)$/s.exec(decoded) ?? [];
  if (!validName.test(pulled) || pulled.length > 255) return false;
  return (
    /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(asked) &&
    !/^sha256-[0-9a-f]{64}(\.[a-z]+)?$/.test(asked)
  );
}
