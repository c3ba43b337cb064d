import type { OAuth2Client } from "google-auth-library";
import type { Subject } from "../core/access.ts";
import { messageOf } from "../core/log.ts";

/** Whose token of Google's it is, and until when that may be relied on (milliseconds since 1970). */
export interface GoogleIdentity {
  readonly subject: Extract<Subject, { kind: "google" }>;
  readonly until: number;
}

/** Undefined: not a token of Google's, now, for one of our audiences. Rejects when Google cannot be asked. */
export type IdentifyWithGoogle = (token: string) => Promise<GoogleIdentity | undefined>;

export interface GoogleOptions {
  /** Of which one has to be the token's. */
  readonly audiences: readonly string[];
  /** Public keys by id in PEM, where they are not to be Google's. */
  readonly certificates?: () => Promise<Readonly<Record<string, string>>>;
  /** Where Google tells of access tokens, if not at its own addresses. */
  readonly tokenInfoUrl?: string;
  readonly userInfoUrl?: string;
}

interface Told {
  readonly aud?: string;
  readonly email?: string;
  readonly email_verified?: boolean | string;
  /** The organisation's domain. */
  readonly hd?: string;
  readonly exp?: number | string;
}

const issuers = ["accounts.google.com", "https://accounts.google.com"];
const userInfo = "https://openidconnect.googleapis.com/v1/userinfo";
const answerMs = 10_000;
// The address itself is Google's, so nobody else can have an account with it.
const serviceAccount = /@([\w-]+\.)*(?:iam\.gserviceaccount\.com|developer\.gserviceaccount\.com)$/;

/**
 * Identifies accounts by what `gcloud auth print-access-token` and `print-identity-token` give, which is the password
 * for the user `oauth2accesstoken`. An identity token is checked by its signature; of an access token Google is asked.
 * The audience says for whom a token was made: without it every site that somebody signed in to with Google could pull
 * in his name. Access tokens of service accounts have no audience but themselves. The library is loaded with the first.
 */
export function createGoogleIdentity(options: GoogleOptions): IdentifyWithGoogle {
  let client: Promise<OAuth2Client> | undefined;
  const connect = async () => {
    const { OAuth2Client: Client } = await import("google-auth-library");
    const { tokenInfoUrl } = options;
    return new Client({
      transporterOptions: { timeout: answerMs },
      ...(tokenInfoUrl === undefined ? {} : { endpoints: { tokenInfoUrl } }),
    });
  };

  async function ofIdentityToken(google: OAuth2Client, token: string): Promise<Told | undefined> {
    const fetched = async () => (await google.getFederatedSignonCertsAsync()).certs;
    const keys = { ...(await (options.certificates ?? fetched)()) };
    const audiences = [...options.audiences];
    try {
      const ticket = await google.verifySignedJwtWithCertsAsync(token, keys, audiences, issuers);
      return ticket.getPayload();
    } catch {
      return undefined; // it is not one; why is for nobody to know who made it up
    }
  }

  async function ofAccessToken(google: OAuth2Client, token: string): Promise<Told | undefined> {
    try {
      const { expiry_date: exp, ...info } = await google.getTokenInfo(token);
      const told: Told = { ...info, exp: exp / 1000 };
      const isOwn = serviceAccount.test(told.email ?? "");
      if (!isOwn && !options.audiences.includes(told.aud ?? "")) return undefined;
      return isOwn ? told : { ...told, ...(await organisationOf(token)) };
    } catch (error) {
      if (isRefusal(error)) return undefined;
      // oxlint-disable-next-line preserve-caught-error -- the request that the error holds has the token in it, and would be logged
      throw new Error(`Google could not be asked whose token it is: ${messageOf(error)}`);
    }
  }

  /** What a token's own description leaves out. */
  async function organisationOf(token: string): Promise<Pick<Told, "hd">> {
    const response = await fetch(options.userInfoUrl ?? userInfo, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answerMs),
    });
    // The token may not be for this; then nothing but the account itself is known.
    if (!response.ok) return {};
    const { hd } = (await response.json()) as Told;
    return hd === undefined ? {} : { hd };
  }

  return async (token) => {
    const google = await (client ??= connect());
    const isSigned = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) && token.startsWith("ey");
    const told = await (isSigned ? ofIdentityToken(google, token) : ofAccessToken(google, token));
    const email = told?.email?.toLowerCase();
    if (told === undefined || email === undefined || String(told.email_verified) !== "true") {
      return undefined;
    }
    // The domain of an address is no proof: anybody may have an account with an address from elsewhere.
    const domain = serviceAccount.test(email) ? email.slice(email.indexOf("@") + 1) : told.hd;
    const subject = { kind: "google", email, domain: domain?.toLowerCase() } as const;
    return { subject, until: Number(told.exp) * 1000 };
  };
}

function isRefusal(error: unknown): boolean {
  const status = error instanceof Error && "status" in error ? Number(error.status) : Number.NaN;
  return status === 400 || status === 401;
}
