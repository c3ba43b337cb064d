import type { RegistryRequest } from "./exchange.ts";

export interface ChallengeOptions {
  /** As clients know the registry; undefined: as they ask for it. */
  readonly publicUrl: string | undefined;
  readonly service: string;
  /** Whether a proxy in front is believed what it says of the client's connection. */
  readonly trustsProxy: boolean;
}

// A name or address, maybe with a port; anything else in a header of the client's is not repeated.
const hostPattern = /^(?:[\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * Where tokens are to be had. Without a fixed address that is where the client believes it is: whoever lies in `Host`
 * sends nobody but himself elsewhere, since no answer with it is kept.
 */
export function realmOf({ headers }: RegistryRequest, options: ChallengeOptions): string {
  if (options.publicUrl !== undefined) return `${options.publicUrl}/token`;
  const forwarded = options.trustsProxy ? headers["x-forwarded-proto"] : undefined;
  const scheme = forwarded?.split(",").at(-1)?.trim() === "https" ? "https" : "http";
  return `${scheme}://${hostIn(headers) ?? "localhost"}/token`;
}

/** The registry as the client calls it; undefined where that is no host. */
export function hostIn({ host }: RegistryRequest["headers"]): string | undefined {
  return host !== undefined && hostPattern.test(host) ? host : undefined;
}

/**
 * The value of `WWW-Authenticate` that sends a client for a token to pull `repository`, which has been checked to be a
 * name; undefined for one that only signs in. [distribution.github.io/distribution/spec/auth/token]
 */
export function bearerChallenge(
  request: RegistryRequest,
  options: ChallengeOptions,
  repository: string | undefined,
  error?: "invalid_token" | "insufficient_scope",
): string {
  const parts = [`realm="${realmOf(request, options)}"`, `service="${options.service}"`];
  if (repository !== undefined) parts.push(`scope="repository:${repository}:pull"`);
  if (error !== undefined) parts.push(`error="${error}"`);
  return `Bearer ${parts.join(",")}`;
}

/** The one that has a browser ask for name and password. */
export const basicChallenge = 'Basic realm="firn", charset="UTF-8"';

/** Name and password of `Authorization: Basic` [RFC 7617]; undefined where it is another, or none. */
export function readBasic(authorization: string | undefined) {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const at = text.indexOf(":");
  return at === -1 ? undefined : { user: text.slice(0, at), password: text.slice(at + 1) };
}

/** The token of `Authorization: Bearer`. */
export function readBearer(authorization: string | undefined): string | undefined {
  return /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? "")?.[1];
}
