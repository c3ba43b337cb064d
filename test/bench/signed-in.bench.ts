import { accountsFolder, basic, passwords } from "../support/accounts.ts";
import { startFirn } from "../support/firn.ts";
import { compare, target } from "./rounds.ts";
import { giveFirstCore, load } from "./wrk.ts";

// What does it cost that somebody signed in, of a pull of an image that was built before?
// Opponent: the same pull by anonymous, of a registry that is for everybody.
// The servers have one core and wrk the other.

const path = "/v2/hello/manifests/latest";
await using files = await accountsFolder();
const quiet = { FIRN_LOG_LEVEL: "info" };
await using open = await startFirn({ env: quiet });
await using closed = await startFirn({
  env: {
    ...quiet,
    FIRN_ACCESS: "user:alice=build",
    FIRN_USERS: files.path("users"),
    FIRN_BLOCKED: files.path("blocked"),
  },
});
await open.manifest("hello");
const signedIn = { headers: { authorization: basic("alice", passwords.alice) } };
const given = await closed.fetch("/token?service=firn&scope=repository:hello:pull", signedIn);
const { token } = (await given.json()) as { token: string };
const authorization = `Bearer ${token}`;
const first = await closed.manifest("hello", "latest", { headers: { authorization } });
if (first.status !== 200) throw new Error(`the image could not be pulled: ${await first.text()}`);
await giveFirstCore(open.pid);
await giveFirstCore(closed.pid);

const url = (port: number) => `http://127.0.0.1:${port}${path}`;
// What a process does once, such as learning a layer plan, is over then.
await load(url(open.port), open.pid, 16);
await load(url(closed.port), closed.pid, 16, { authorization });
const medians = await compare("us of CPU a request", 5, {
  "signed in": async () =>
    (await load(url(closed.port), closed.pid, 16, { authorization })).cpuMicros,
  anonymous: async () => (await load(url(open.port), open.pid, 16)).cpuMicros,
});
const ratio = (medians["signed in"] ?? NaN) / (medians["anonymous"] ?? NaN);
target(`at most 1.2 times anonymous (it was ${ratio.toFixed(2)})`, ratio <= 1.2);
