import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientKinds } from "../support/clients.ts";
import type { Client } from "../support/client.ts";
import { accountsFolder, basic, passwords, usersFile } from "../support/accounts.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import type { Ended } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

/** What the user of a client sees; HOST and NAME stand for those of the test. */
interface Seen {
  readonly withoutAccount: string;
  readonly wrongPassword: string;
  readonly blocked: string;
  readonly notBuilt: string;
}

// What podman, buildah and skopeo have in common.
const containersImage: Seen = {
  withoutAccount:
    "unable to retrieve auth token: invalid username/password: unauthorized: sign in first, as with docker login HOST",
  wrongPassword: 'logging into "HOST": invalid username/password',
  blocked: "invalid status code from registry 403 (Forbidden)",
  notBuilt:
    "reading manifest latest in HOST/NAME: denied: NAME:latest is not there yet, and user:bob may only pull what is: ask somebody who may have it built to pull it once",
};

const seenBy: Readonly<Record<string, Seen>> = {
  skopeo: containersImage,
  podman: containersImage,
  buildah: containersImage,
  docker: {
    withoutAccount:
      'Head "http://HOST/v2/NAME/manifests/latest": unauthorized: sign in first, as with docker login HOST',
    wrongPassword: 'Get "http://HOST/v2/": unauthorized: the user name or the password is wrong',
    blocked: 'Get "http://HOST/v2/": denied: user:mallory is blocked here',
    notBuilt:
      "pull access denied for HOST/NAME, repository does not exist or may require 'docker login': denied: NAME:latest is not there yet, and user:bob may only pull what is: ask somebody who may have it built to pull it once",
  },
  // It reads no answers.
  containerd: {
    withoutAccount: "failed to fetch anonymous token: unexpected status: 401 Unauthorized",
    wrongPassword: "failed to fetch oauth token: unexpected status: 401 Unauthorized",
    blocked: "failed to fetch oauth token: unexpected status: 403 Forbidden",
    notBuilt: "failed with status code [manifests latest]: 403 Forbidden",
  },
  oras: {
    withoutAccount: "unauthorized: sign in first, as with docker login HOST",
    wrongPassword: "unauthorized: the user name or the password is wrong",
    blocked: "denied: user:mallory is blocked here",
    notBuilt: "denied: NAME:latest is not there yet",
  },
};

// Each has an image of its own, which nobody made before.
const kinds = clientKinds.filter(({ can }) => can.includes("sign in"));
const images = ["hello", "base", "mixed", "hello/base", "hello/mixed", "base/mixed"];

const resources = new AsyncDisposableStack();
let clients: StartedClients;
let firn: Firn;
/** Everybody may pull here, and nobody may build without an account. */
let open: Firn;

beforeAll(async () => {
  const folder = resources.use(await temporaryFolder());
  const files = resources.use(
    await accountsFolder({
      // With bob's password.
      users: usersFile.replace(/^bob:(.*)$/m, "bob:$1\nmallory:$1"),
      blocked: "user:mallory # has left",
    }),
  );
  const packageSet = await writeUnbuiltPackageSet(folder.path);
  open = resources.use(
    await startFirn({
      packageSet,
      env: { FIRN_ACCESS: "anonymous=pull, user:alice=build", FIRN_USERS: files.path("users") },
    }),
  );
  firn = resources.use(
    await startFirn({
      packageSet,
      env: {
        FIRN_ACCESS: "user:alice=build, user:*=pull",
        FIRN_USERS: files.path("users"),
        FIRN_BLOCKED: files.path("blocked"),
      },
    }),
  );
  clients = resources.use(createStartedClients(folder.path));
});
afterAll(async () => await resources.disposeAsync());

describe.for(kinds.map((kind, i) => [kind.name, kind, images[i] ?? ""] as const))(
  "of a registry for those who have an account, %s",
  ([, kind, name]) => {
    const reference = () => `${firn.host}/${name}:latest`;

    /** Signs in, and pulls where that went well: some clients only then show who they are. */
    async function pullAs(client: Client, user: string, password: string) {
      const signedIn = await client.signIn?.(firn.host, user, password);
      return signedIn?.exitCode === 0 ? await client.pull(reference()) : signedIn;
    }

    /** What a client said that was refused, and what it is to say. */
    function refusal(which: keyof Seen, ended: Ended | undefined) {
      const seen = (ended?.all ?? "").replaceAll("\\", "").replaceAll(firn.host, "HOST");
      if (ended?.exitCode === 0) throw new Error(`it was not refused: ${seen}`);
      return { seen, expected: seenBy[kind.name]?.[which].replaceAll("NAME", name) };
    }

    test("is told to sign in, and why it could not", async (context) => {
      const client = await clients.start(context, kind);
      const withoutAccount = refusal("withoutAccount", await client.pull(reference()));
      expect(withoutAccount.seen).toContain(withoutAccount.expected);
      const wrong = refusal("wrongPassword", await pullAs(client, "alice", passwords.bob));
      expect(wrong.seen).toContain(wrong.expected);
      const blocked = refusal("blocked", await pullAs(client, "mallory", passwords.bob));
      expect(blocked.seen).toContain(blocked.expected);
    });

    test("has nothing built for who may only pull, and pulls what somebody else had built", async (context) => {
      const client = await clients.start(context, kind);
      const notBuilt = refusal("notBuilt", await pullAs(client, "bob", passwords.bob));
      expect(notBuilt.seen).toContain(notBuilt.expected);
      expect(
        firn.log.filter(({ message }) => message.startsWith(`building amd64/${name} `)),
      ).toEqual([]);
      const built = await pullAs(client, "alice", passwords.alice);
      expect(built?.exitCode, built?.all).toBe(0);
      const pulled = await pullAs(client, "bob", passwords.bob);
      expect(pulled?.exitCode, pulled?.all).toBe(0);
      const authorization = { authorization: basic("bob", passwords.bob) };
      expect((await firn.manifest(name, "latest", { headers: authorization })).status).toBe(200);
      expect((await client.inspect(reference())).digests).not.toEqual([]);
    });

    test("pulls without an account what everybody may, and nothing that would have to be built", async (context) => {
      const client = await clients.start(context, kind);
      // Whatever was said to another registry before.
      if (kind.name === "containerd") await client.signIn?.(open.host, "", "");
      const anybody = `${open.host}/${name}:latest`;
      const refused = await client.pull(anybody);
      expect(refused.exitCode, refused.all).not.toBe(0);
      expect(await open.build(name)).toBeUndefined();
      const authorization = basic("alice", passwords.alice);
      const built = await open.manifest(name, "latest", { headers: { authorization } });
      expect(built.status).toBe(200);
      const pulled = await client.pull(anybody);
      expect(pulled.exitCode, pulled.all).toBe(0);
    });
  },
);
