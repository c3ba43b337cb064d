import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseAccess } from "../../core/access.ts";
import { accessWhereNeeded } from "../../functions/access-where-needed.ts";
import { openAccess, type AccessSettings } from "../../functions/open-access.ts";
import { tokenKeysIn } from "../../infra/local/token-keys.ts";
import { accountsFolder, tokensFile, usersFile } from "../support/accounts.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const world = {
  packageSet: { kind: "starter" },
  makeKeys: undefined,
  now: Date.now,
  log: () => undefined,
} as const;

const open: AccessSettings = {
  access: parseAccess("anonymous=build"),
  users: undefined,
  tokens: undefined,
  tokenKeys: undefined,
  googleAudiences: [],
  blocked: undefined,
  publicUrl: undefined,
  trustedHops: 0,
};

it("where everybody may do everything there is nothing to ask, and nothing is loaded", async () => {
  expect(await accessWhereNeeded(open, world)).toBeUndefined();
  const closed = accessWhereNeeded({ ...open, access: parseAccess("user:*=pull") }, world);
  await expect(closed).rejects.toThrow("FIRN_USERS has to be a file of them");
});

it("all that is wrong with who may pull is told at once, and no hash or key of it", async () => {
  await using files = await accountsFolder({
    users: "alice:plain text",
    tokens: "ci:plain text",
    keys: "too short\n",
    blocked: "who?",
  });
  const settings = {
    ...files.settings,
    access: parseAccess("user:alice=build, token:*=pull, google:*@example.com=pull"),
    blobUrl: "https://cdn.example.com",
  };
  const opened = openAccess(settings, world);
  await expect(opened).rejects.toThrow(
    [
      "The settings of access are wrong.",
      "FIRN_ACCESS names accounts of Google: FIRN_GOOGLE_AUDIENCES has to say for whom their tokens are made",
      "FIRN_BLOB_URL is for what everybody may read, but FIRN_ACCESS does not let anonymous pull: leave it out, and clients get signed URLs",
      `FIRN_BLOCKED: ${files.path("blocked")}: line 1: "who?" is neither an account nor an address`,
      `FIRN_USERS: ${files.path("users")}: line 1: the hash of "alice" is neither bcrypt's, of cost 4 to 14, nor scrypt's: write it with htpasswd -B`,
      `FIRN_TOKENS: ${files.path("tokens")}: line 1: what "ci" has is not a SHA-256 in hex: printf %s "$TOKEN" | sha256sum`,
      `FIRN_TOKEN_KEYS: ${files.path("keys")}: it has to be a file of keys, each a line of 32 characters or more: openssl rand -base64 48`,
    ].join("\n"),
  );
});

it.each<[string, (files: AccessSettings) => Partial<AccessSettings>, string]>([
  [
    "a user who is not there",
    () => ({ access: parseAccess("user:alicia=pull") }),
    "FIRN_ACCESS names user:alicia, who is not in FIRN_USERS",
  ],
  [
    "a token that is not there",
    () => ({ access: parseAccess("user:*=pull, token:cd=pull") }),
    "FIRN_ACCESS names token:cd, who is not in FIRN_TOKENS",
  ],
  ["users without a file", () => ({ users: undefined }), "FIRN_USERS has to be a file of them"],
  ["tokens without a file", () => ({ tokens: undefined }), "FIRN_TOKENS has to be a file of them"],
  [
    "users who may nothing",
    () => ({ access: parseAccess("token:*=pull") }),
    "FIRN_ACCESS lets no user do anything",
  ],
  [
    "tokens that may nothing",
    () => ({ access: parseAccess("user:*=pull") }),
    "FIRN_ACCESS lets no token do anything",
  ],
  ["no keys", () => ({ tokenKeys: undefined }), "FIRN_TOKEN_KEYS: it has to be a file of keys"],
  [
    "a file that is not there",
    () => ({ users: "/nowhere/users" }),
    "FIRN_USERS: /nowhere/users: ENOENT",
  ],
])("%s are a mistake that is told at the start", async (_, changed, message) => {
  await using files = await accountsFolder({ users: usersFile, tokens: tokensFile });
  await expect(
    openAccess({ ...files.settings, ...changed(files.settings) }, world),
  ).rejects.toThrow(message);
});

it("the keys of a data folder are made once, for its owner alone", async () => {
  await using folder = await temporaryFolder();
  const first = await tokenKeysIn(folder.path);
  expect(first.trim().length).toBeGreaterThanOrEqual(64);
  expect(await tokenKeysIn(folder.path)).toBe(first);
  const path = join(folder.path, "token-keys");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, `new key of somebody's, which is long enough\n${first}`);
  expect(await tokenKeysIn(folder.path)).toContain("new key");
});
