import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { parseAccess } from "../../core/access.ts";
import type { Log } from "../../core/log.ts";
import type { PackageSet } from "../../core/package-set.ts";
import type { Clock } from "../../core/ports.ts";
import type { Access } from "../../functions/access.ts";
import type { GoogleOptions } from "../../functions/google-identity.ts";
import { openAccess } from "../../functions/open-access.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Accounts of tests: their passwords, and what files say of them. */
export const passwords = { alice: "correct horse", bob: "battery: staple" } as const;
export const machineToken = "b6a1f1c5d0e84f3f8a0e7c7b5d9f2a41";

// As cheap as bcrypt can be.
const hashed = (password: string) => hashSync(password, 4);

export const usersFile = [
  "# whoever may pull",
  `alice:${hashed(passwords.alice)}`,
  `bob:${hashed(passwords.bob)}`,
  "",
].join("\n");
export const tokensFile = `ci:${createHash("sha256").update(machineToken).digest("hex")}\n`;
export const tokenKey = "k".repeat(40);

export interface AccountsOptions {
  /** As FIRN_ACCESS; left out, alice may build, bob and the machine `ci` may pull, and nobody else anything. */
  readonly access?: string;
  readonly users?: string;
  readonly tokens?: string;
  readonly keys?: string;
  readonly blocked?: string;
  readonly publicUrl?: string;
  readonly trustedHops?: number;
  readonly packageSet?: PackageSet;
  readonly googleAudiences?: readonly string[];
  readonly google?: Omit<GoogleOptions, "audiences">;
}

export const usualRules = "user:alice=build, user:bob=pull, token:ci=pull";

/** Access as settings and files say, in a folder of its own. */
export async function accountsFolder(options: AccountsOptions = {}) {
  const folder = await temporaryFolder();
  const path = (name: string) => join(folder.path, name);
  const { access = usualRules } = options;
  const files = {
    users: options.users ?? usersFile,
    tokens: options.tokens ?? tokensFile,
    keys: options.keys ?? `${tokenKey}\n`,
    blocked: options.blocked ?? "",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path(name), text);
  const settings = {
    access: parseAccess(access),
    users: access.includes("user:") ? path("users") : undefined,
    tokens: access.includes("token:") ? path("tokens") : undefined,
    tokenKeys: path("keys"),
    blocked: path("blocked"),
    googleAudiences: options.googleAudiences ?? [],
    publicUrl: options.publicUrl,
    trustedHops: options.trustedHops ?? 0,
  };
  return {
    path,
    settings,
    open: async (now: Clock = Date.now, log: Log = () => undefined): Promise<Access> => {
      const world = { packageSet: options.packageSet ?? { kind: "starter" as const }, now, log };
      const google = options.google === undefined ? {} : { google: options.google };
      return await openAccess(settings, { ...world, ...google, makeKeys: undefined });
    },
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
