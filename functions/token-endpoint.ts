import { RegistryError } from "../core/errors.ts";
import { checkName } from "../core/image.ts";
import { visible } from "../core/visible.ts";
import { tokenLife, type BearerTokens } from "./bearer-tokens.ts";
import type { Blocked } from "./blocked.ts";
import { basicChallenge, readBasic } from "./challenge.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import type { Grant, Identify } from "./identify.ts";
import { signInFirst, type Refuse } from "./refuse.ts";
import * as respond from "./respond.ts";
import type { Credentials } from "./sign-in.ts";
import type { Watched } from "./watched-text.ts";

export interface TokenEndpointTools {
  readonly identify: Identify;
  readonly tokens: BearerTokens;
  readonly blocked: Watched<Blocked>;
  readonly refuse: Refuse;
  readonly service: string;
}

// Clients ask for the names of one command; and a token has to fit into a header.
const mostNames = 20;
const formBytes = 16 * 1024;

/**
 * Makes the function that gives tokens: to GET with `Authorization: Basic`, or without, and to POST of an OAuth 2 form,
 * which containerd tries first. Of the scopes asked for, those count that are to pull a name; the others are left out of
 * the token, as clients expect. [distribution.github.io/distribution/spec/auth/token and /oauth]
 */
export function createTokenEndpoint({
  identify,
  tokens,
  blocked,
  refuse,
  service,
}: TokenEndpointTools) {
  async function grantTo(
    credentials: Credentials | undefined,
    request: RegistryRequest,
  ): Promise<Grant> {
    if (credentials !== undefined) {
      return await identify.signIn(credentials, request, basicChallenge);
    }
    if (identify.anonymous !== undefined) return identify.anonymous;
    throw signInFirst(request, basicChallenge);
  }

  return async (request: RegistryRequest): Promise<RegistryResponse> => {
    await blocked.refresh();
    refuse.ifBlocked(request, "somebody");
    const asked = request.method === "POST" ? await readForm(request) : readQuery(request);
    if (asked.service !== null && asked.service !== service) {
      const said = visible(asked.service.slice(0, 200));
      const why = `"${said}" is not the service that gives tokens here, which is "${service}"`;
      throw new RegistryError(400, "UNSUPPORTED", why);
    }
    const grant = await grantTo(asked.credentials, request);
    refuse.ifBlocked(request, grant.who);
    const repositories = [...new Set(asked.scopes.flatMap(nameIn))].slice(0, mostNames);
    const { who, mayBuild } = grant;
    const { token, issuedAt } = await tokens.sign({ who, repositories, mayBuild });
    return respond.json({
      token,
      // The same, as OAuth 2 calls it.
      access_token: token,
      token_type: "Bearer",
      expires_in: tokenLife,
      issued_at: new Date(issuedAt * 1000).toISOString(),
      scope: repositories.map((name) => `repository:${name}:pull`).join(" "),
    });
  };
}

interface Asked {
  readonly credentials: Credentials | undefined;
  readonly service: string | null;
  readonly scopes: readonly string[];
}

function readQuery({ query, headers }: RegistryRequest): Asked {
  const { authorization } = headers;
  const credentials = readBasic(authorization);
  if (authorization !== undefined && credentials === undefined) {
    throw new RegistryError(400, "UNSUPPORTED", "tokens are given for Authorization: Basic");
  }
  return { credentials, service: query.get("service"), scopes: scopesIn(query) };
}

async function readForm(request: RegistryRequest): Promise<Asked> {
  const form = new URLSearchParams(await textOf(request));
  const grantType = form.get("grant_type");
  const asked = { service: form.get("service"), scopes: scopesIn(form) };
  if (grantType === "password") {
    const [user, password] = [form.get("username") ?? "", form.get("password") ?? ""];
    return { ...asked, credentials: { user, password } };
  }
  // An identity token, as clients keep one in place of a password: one of a machine's, or of Google's.
  const identityToken = form.get("refresh_token");
  if (grantType === "refresh_token" && identityToken !== null) {
    return { ...asked, credentials: { user: "oauth2accesstoken", password: identityToken } };
  }
  const said = visible((grantType ?? "").slice(0, 100));
  const why = `"${said}" is not a grant_type that is understood: it is password, or refresh_token with one`;
  throw new RegistryError(400, "UNSUPPORTED", why);
}

async function textOf({ headers, body }: RegistryRequest): Promise<string> {
  const type = headers["content-type"] ?? "";
  if (body === undefined || !/^application\/x-www-form-urlencoded\b/i.test(type)) {
    const why = "a token is asked for with a form: application/x-www-form-urlencoded";
    throw new RegistryError(400, "UNSUPPORTED", why);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > formBytes) {
      throw new RegistryError(413, "SIZE_INVALID", `a form has at most ${formBytes} bytes here`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Scopes come one by one, or several with spaces between. */
function scopesIn(parameters: URLSearchParams): readonly string[] {
  return parameters.getAll("scope").flatMap((scope) => scope.split(" "));
}

/** The name that a scope is to pull; none where it is for something else. */
function nameIn(scope: string): readonly string[] {
  const [, name = "", actions = ""] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
  if (!actions.split(",").some((action) => action === "pull" || action === "*")) return [];
  try {
    checkName(name);
    return [name];
  } catch {
    return []; // whoever asks for the image hears what is wrong with its name
  }
}
