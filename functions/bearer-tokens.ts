import { createHash, createHmac, randomUUID } from "node:crypto";
import type { Clock } from "../core/ports.ts";

/**
 * The tokens that clients pull with: signed, for five minutes, and never stored. Whoever has one may use it again and
 * again until then, which is what a bearer token is; it is worth little, since it opens a few names of one registry,
 * and only whoever is blocked loses it before its time.
 */
export interface BearerTokens {
  sign(claims: Claims): Promise<{ readonly token: string; readonly issuedAt: number }>;
  /** `reason` holds nothing of the token. */
  verify(
    token: string,
  ): Promise<
    | { readonly state: "valid"; readonly claims: Claims; readonly until: number }
    | { readonly state: "invalid"; readonly reason: string }
  >;
}

export interface Claims {
  /** As `whoIs` says it. */
  readonly who: string;
  /** The names that may be pulled. */
  readonly repositories: readonly string[];
  readonly mayBuild: boolean;
}

/** Seconds. */
export const tokenLife = 300;
/** How far the clocks of two processes may be apart, in seconds. */
const skew = 60;
const algorithm = "HS256";
const issuer = "firn";

/**
 * `keys` as people wrote them: the first signs, all are accepted, so that one can follow another. What is signed with is
 * derived from them and from what the registry serves, so that no registry takes the tokens of another by mistake.
 */
export function createBearerTokens(
  keys: readonly string[],
  {
    service,
    serves,
    now,
  }: { readonly service: string; readonly serves: string; readonly now: Clock },
): BearerTokens {
  const derived = keys.map((key) => {
    const secret = createHmac("sha256", key).update(`firn bearer token 1 ${serves}`).digest();
    return { id: createHash("sha256").update(secret).digest("hex").slice(0, 16), secret };
  });
  const byId = new Map(derived.map(({ id, secret }) => [id, secret]));
  const [first] = derived;
  if (first === undefined) throw new Error("there is no key to sign tokens with");
  // Loaded when the first token is: a registry for everybody needs none of it.
  const signing = () => import("jose/jwt/sign");
  const verifying = () => import("jose/jwt/verify");

  return {
    async sign({ who, repositories, mayBuild }) {
      const { SignJWT } = await signing();
      const issuedAt = Math.floor(now() / 1000);
      const access = repositories.map((name) => ({ type: "repository", name, actions: ["pull"] }));
      const token = await new SignJWT({ access, ...(mayBuild && { build: true }) })
        .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: first.id })
        .setIssuer(issuer)
        .setAudience(service)
        .setSubject(who)
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + tokenLife)
        .setJti(randomUUID())
        .sign(first.secret);
      return { token, issuedAt };
    },
    async verify(token) {
      const { jwtVerify } = await verifying();
      try {
        const { payload } = await jwtVerify(
          token,
          ({ kid }) => {
            const secret = byId.get(kid ?? "");
            if (secret === undefined) throw new Error("another key");
            return secret;
          },
          {
            algorithms: [algorithm],
            typ: "JWT",
            issuer,
            audience: service,
            clockTolerance: skew,
            currentDate: new Date(now()),
            requiredClaims: ["sub", "iat", "nbf", "exp", "jti", "access"],
          },
        );
        const { sub = "", exp = 0, access, build } = payload;
        const claims = { who: sub, repositories: namesIn(access), mayBuild: build === true };
        return { state: "valid", claims, until: (exp + skew) * 1000 };
      } catch (error) {
        return { state: "invalid", reason: reasonOf(error) };
      }
    },
  };
}

// What was signed here has this form.
function namesIn(access: unknown): readonly string[] {
  return (access as readonly { readonly name: string }[]).map(({ name }) => name);
}

function reasonOf(error: unknown): string {
  const { code, claim } = error as { readonly code?: string; readonly claim?: string };
  if (code === "ERR_JWT_EXPIRED") return "the token has expired";
  if (code === "ERR_JWT_CLAIM_VALIDATION_FAILED") return `the token's "${claim}" is not right`;
  if (code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") return "the token's signature is wrong";
  return "it is no token of this registry";
}
