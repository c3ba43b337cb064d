import { createHash, createVerify } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./storage-fake-exchange.ts";

/** Public keys, in PEM, by the e-mail address of their service account. */
export type PublicKeys = Readonly<Record<string, string>>;

const algorithm = "GOOG4-RSA-SHA256";
const longestSeconds = 7 * 24 * 60 * 60;

/**
 * Refuses a request whose URL nobody with a known key has signed (V4), or whose time is over. The source is
 * https://docs.cloud.google.com/storage/docs/authentication/canonical-requests
 */
export function demandSignature(
  method: string,
  url: URL,
  headers: IncomingHttpHeaders,
  { keys, now }: { readonly keys: PublicKeys; readonly now: number },
): void {
  const query = url.searchParams;
  const parameter = (name: string) => query.get(`X-Goog-${name}`) ?? "";
  const credential = /^([^/]+)\/(\d{8}\/auto\/storage\/goog4_request)$/.exec(
    parameter("Credential"),
  );
  const begin = parseTime(parameter("Date"));
  const seconds = Number(parameter("Expires"));
  if (parameter("Algorithm") !== algorithm || credential === null || Number.isNaN(begin)) {
    throw new Refusal(403, "AccessDenied", "Access denied.");
  }
  if (!(seconds > 0 && seconds <= longestSeconds)) {
    throw new Refusal(400, "AuthenticationRequired", "X-Goog-Expires is out of range.");
  }
  if (now < begin - 15 * 60_000)
    throw new Refusal(403, "AccessDenied", "Request is not yet valid.");
  if (now > begin + seconds * 1000) {
    throw new Refusal(400, "ExpiredToken", "The provided token has expired.");
  }
  const [, account = "", scope = ""] = credential;
  // A GET's signature is good for a HEAD as well: so it is said to be, which nobody has checked with the real one.
  const methods = method === "HEAD" ? ["HEAD", "GET"] : [method];
  const signature = parameter("Signature");
  const valid = methods.some((signed) => {
    const request = canonicalRequest(signed, url, headers);
    const hash = createHash("sha256").update(request).digest("hex");
    const signedText = [algorithm, parameter("Date"), scope, hash].join("\n");
    return isSignedBy(keys[account], signedText, signature);
  });
  if (valid) return;
  const message = "Access denied. The request signature we calculated does not match.";
  throw new Refusal(403, "SignatureDoesNotMatch", message);
}

function isSignedBy(key: string | undefined, text: string, signature: string): boolean {
  if (key === undefined) return false;
  return createVerify("RSA-SHA256").update(text).verify(key, signature, "hex");
}

function canonicalRequest(method: string, url: URL, headers: IncomingHttpHeaders): string {
  const signedHeaders = url.searchParams.get("X-Goog-SignedHeaders") ?? "";
  const lines = signedHeaders.split(";").map((name) => {
    // The client signs the host without its port, since Google's has none.
    const value = name === "host" ? url.hostname : String(headers[name] ?? "");
    return `${name}:${value.trim().replaceAll(/\s{2,}/g, " ")}\n`;
  });
  const query = [...url.searchParams]
    .filter(([name]) => name !== "X-Goog-Signature")
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  return [method, url.pathname, query, lines.join(""), signedHeaders, "UNSIGNED-PAYLOAD"].join(
    "\n",
  );
}

function encoded(text: string): string {
  const more = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, more);
}

// 20260131T235959Z
function parseTime(text: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
