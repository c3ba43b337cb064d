import { parseAccess } from "./access.ts";
import { parseQuota } from "./quota.ts";
import { file, listed, setting, whole } from "./setting.ts";

/** Of those who pull: what the embedded registry and the functions are told of them. */
const access = {
  access: setting(
    "FIRN_ACCESS",
    "who may pull what is there, and who may have images built: `anonymous`, `user:<name>`, `token:<name>` or `google:<account>@<domain>`, each with `=pull` or `=build`, separated by commas; `*` is for any name",
    "anonymous=build",
    parseAccess,
  ),
  users: file(
    "FIRN_USERS",
    "file of users, a line each, as `htpasswd -B` writes it: `<name>:<bcrypt or scrypt hash>`",
  ),
  tokens: file(
    "FIRN_TOKENS",
    "file of tokens that stay, for machines, a line each: `<name>:<SHA-256 of the token in hex>`",
  ),
  googleAudiences: setting(
    "FIRN_GOOGLE_AUDIENCES",
    "audiences, separated by commas, of which one has to be that of a Google token; of `gcloud auth print-access-token` it is `32555940559.apps.googleusercontent.com`",
    "",
    listed,
  ),
  blocked: file(
    "FIRN_BLOCKED",
    "file of who is shut out, a line each: `user:<name>` and so on, or an address or network such as `192.0.2.0/24`; a change is seen within ten seconds",
  ),
  publicUrl: setting(
    "FIRN_PUBLIC_URL",
    "URL that clients know the registry by, such as `https://registry.example.com`; left out, what they ask for is taken",
    "",
    publicUrl,
  ),
} as const;

const tokenKeysMeaning =
  "file of keys that sign what clients are given for five minutes, each a line of 32 characters or more: the first signs, all are accepted";
const hopsMeaning =
  "proxies in front that each add the address they were asked from to X-Forwarded-For; all else in it is ignored";

export const localAccess = {
  ...access,
  tokenKeys: file("FIRN_TOKEN_KEYS", `${tokenKeysMeaning}; left out, one is made in FIRN_DATA`),
  trustedHops: setting("FIRN_TRUSTED_HOPS", hopsMeaning, "0", whole(0, 10)),
} as const;

export const functionsAccess = {
  ...access,
  tokenKeys: file("FIRN_TOKEN_KEYS", tokenKeysMeaning),
  // Google's own front adds one.
  trustedHops: setting("FIRN_TRUSTED_HOPS", hopsMeaning, "1", whole(0, 10)),
} as const;

export const quotaSetting = (usual: string) =>
  setting(
    "FIRN_QUOTA",
    "how much may be built that is not there, for each `client`, for all `anonymous` ones together, and for `all` together: so many builds or, with an s, seconds of workers a `minute`, `hour` or `day`, and of a client `<number> at once`; or `off`",
    usual,
    parseQuota,
  );

function publicUrl(text: string): string | undefined {
  if (text === "") return undefined;
  if (/^https?:\/\/[\w.-]+(?::\d{1,5})?\/?$/.test(text)) return text.replace(/\/$/, "");
  throw new Error(`"${text}" is not a URL without a path, such as https://registry.example.com`);
}
