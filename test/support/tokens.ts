import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** Who the tokens of these tests are for, and whose they are. */
export const audience = "https://worker.example.com/";
export const account = "push@project.iam.gserviceaccount.com";

const google = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicPem = pemOf(google.publicKey);

/** The public half of the key that `token` signs with, as Google would serve it. */
export const certificates = async () => ({ "key-1": publicPem });

function pemOf(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }) as string; // PEM is text
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const header = { alg: "RS256", kid: "key-1", typ: "JWT" };

/** What Pub/Sub's tokens say, with these claims instead; undefined leaves one out. */
function claims(changed: Readonly<Record<string, unknown>>) {
  const seconds = Math.floor(Date.now() / 1000);
  return {
    iss: "https://accounts.google.com",
    aud: audience,
    azp: "112233",
    sub: "112233",
    email: account,
    email_verified: true,
    iat: seconds - 10,
    exp: seconds + 3600,
    ...changed,
  };
}

function signed(head: object, payload: object, key: KeyObject): string {
  const text = `${encode(head)}.${encode(payload)}`;
  return `${text}.${sign("RSA-SHA256", Buffer.from(text), key).toString("base64url")}`;
}

/** A token as Google would sign it. */
export function token(changed: Readonly<Record<string, unknown>> = {}): string {
  return signed(header, claims(changed), google.privateKey);
}

/** Tokens made by somebody who has not got the key. */
export const forged = {
  unsigned: () => `${encode({ ...header, alg: "none" })}.${encode(claims({}))}.`,
  unsignedWithSignature: () => `${encode({ ...header, alg: "none" })}.${encode(claims({}))}.AAAA`,
  // Checked by who takes the public key for a shared secret.
  hmacWithPublicKey: () => {
    const text = `${encode({ ...header, alg: "HS256" })}.${encode(claims({}))}`;
    return `${text}.${createHmac("sha256", publicPem).update(text).digest("base64url")}`;
  },
  anotherKey: () => signed(header, claims({}), other.privateKey),
  anotherKeyWithItsOwnId: () => signed({ ...header, kid: "key-2" }, claims({}), other.privateKey),
  anotherKeyInTheHeader: () => {
    const jwk = other.publicKey.export({ format: "jwk" });
    return signed({ ...header, jwk }, claims({}), other.privateKey);
  },
  inheritedKeyId: () => signed({ ...header, kid: "constructor" }, claims({}), other.privateKey),
  ellipticSignature: () => `${encode({ ...header, alg: "ES256" })}.${encode(claims({}))}.AAAA`,
  tampered: () => {
    const [head, , signature] = token({ email: "somebody@example.com" }).split(".");
    return `${head}.${encode(claims({}))}.${signature}`;
  },
  notJson: () => "aaaa.bbbb.cccc",
  nothingInIt: () => `${encode(null)}.${encode(null)}.cccc`,
} as const;
