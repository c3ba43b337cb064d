import { manifestOf, ready } from "./builds.ts";
import { accountsFolder, basic, passwords, type AccountsOptions } from "./accounts.ts";
import { testRegistry, type TestWorker } from "./registry.ts";
import { blob, blobDigest } from "./served.ts";

export const host = "firn.example.com";
export const path = "/v2/git/manifests/latest";
export const manifest = manifestOf("git");
export const blobPath = `/v2/git/blobs/${blobDigest}`;
export const bearer = (token: string) => `Bearer ${token}`;
export const alice = basic("alice", passwords.alice);
export const bob = basic("bob", passwords.bob);

/** A registry with accounts: alice may build, bob and the machine `ci` may pull, and others may nothing, if not said. */
export async function openAccounts(options: AccountsOptions = {}, worker: TestWorker = {}) {
  const files = await accountsFolder(options);
  const registry = await testRegistry({
    build: async () => ready("git"),
    access: files.open,
    ...worker,
  });
  await registry.blobs.write(
    (async function* () {
      yield blob;
    })(),
    new AbortController().signal,
  );
  const ask = async (
    where: string,
    authorization?: string,
    more: Readonly<Record<string, string>> = {},
    method = "GET",
  ) =>
    await registry.ask(where, {
      method,
      peer: "192.0.2.1",
      headers: { host, authorization, ...more },
    });
  const tokenFor = async (authorization: string | undefined, ...scopes: readonly string[]) => {
    const query = scopesQuery(scopes);
    const answer = await ask(`/token?service=firn&${query.toString()}`, authorization);
    return (JSON.parse(answer.text) as { token: string }).token;
  };
  return {
    ...registry,
    files,
    send: ask,
    tokenFor,
    /** The image of these tests is there. */
    built: async () => void (await ask(path, alice)),
    admitsAtOnce: (authorization?: string) =>
      registry.warm("GET", path, undefined, () => ({
        headers: { authorization },
        peer: "192.0.2.1",
      })) !== undefined,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await files[Symbol.asyncDispose]();
    },
  };
}

export const scope = "repository:git:pull";
export const challengeOf = (more = "") =>
  `Bearer realm="http://${host}/token",service="firn"${more}`;

export function scopesQuery(scopes: readonly string[]): URLSearchParams {
  const query = new URLSearchParams();
  for (const each of scopes) query.append("scope", each);
  return query;
}
