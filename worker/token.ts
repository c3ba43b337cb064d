import { OAuth2Client } from "google-auth-library";
import { messageOf } from "../core/log.ts";

/** From whom a push has to be. */
export interface TokenExpectation {
  /** What the subscription names as audience, usually the worker's address. */
  readonly audience: string;
  /** The mail address of the service account that the subscription pushes as. */
  readonly account: string;
}

/** Public keys by id, as X.509 certificates or SPKI in PEM. Rejects when they cannot be had. */
export type Certificates = () => Promise<Readonly<Record<string, string>>>;

export type Checked =
  | { readonly state: "trusted" }
  /** `invalid`: not a token for us from Google, now. `stranger`: one, of somebody else. `reason` holds none of it. */
  | { readonly state: "invalid" | "stranger"; readonly reason: string };

/** Judges the value of an Authorization header. Rejects only when there are no certificates to judge by. */
export type CheckToken = (authorization: string | undefined) => Promise<Checked>;

const issuers = ["accounts.google.com", "https://accounts.google.com"];

/**
 * Checks the OpenID Connect tokens that Pub/Sub sends along with a push: signature, times, issuer, audience, and whose
 * it is (cloud.google.com/pubsub/docs/authenticate-push-subscriptions). Google's certificates are fetched when first
 * needed and kept for as long as their response allows.
 */
export function createTokenCheck(
  { audience, account }: TokenExpectation,
  certificates?: Certificates,
): CheckToken {
  const client = new OAuth2Client();
  const fetched = async () => (await client.getFederatedSignonCertsAsync()).certs;

  return async (authorization) => {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) {
      const reason = authorization === undefined ? "there is no token" : "that is no bearer token";
      return { state: "invalid", reason };
    }
    const keys = { ...(await (certificates ?? fetched)()) };
    try {
      const ticket = await client.verifySignedJwtWithCertsAsync(token, keys, audience, issuers);
      return checkBearer(ticket.getPayload(), account);
    } catch (error) {
      return { state: "invalid", reason: withoutToken(messageOf(error)) };
    }
  };
}

function checkBearer(
  payload: { readonly email?: string; readonly email_verified?: boolean } | undefined,
  account: string,
): Checked {
  if (payload?.email !== account) {
    return { state: "stranger", reason: `it is not a token of ${account}` };
  }
  // The payload is what was signed, whatever its type says.
  if (payload.email_verified !== true) {
    return { state: "stranger", reason: `the mail address ${account} is not verified` };
  }
  return { state: "trusted" };
}

// The library's messages go on with the token, or with what it says, behind the first of these.
function withoutToken(message: string): string {
  return message.split(/: | '|,/, 1)[0] ?? "";
}
