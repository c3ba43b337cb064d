import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientKinds } from "../support/clients.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

// File names on Linux are bytes. A layer says so of those that are no text, and each client has its own way to read that.

const resources = new AsyncDisposableStack();
let clients: StartedClients;
let firn: Firn;

beforeAll(async () => {
  const folder = resources.use(await temporaryFolder());
  const packageSet = resolve(import.meta.dirname, "../fixtures/byte-names");
  firn = resources.use(await startFirn({ packageSet }));
  clients = resources.use(createStartedClients(folder.path));
});
afterAll(async () => await resources.disposeAsync());

// Of each file what is in it: its name is only right if it is found by its bytes.
const look = `
cd /nix/store/*-names-1.0/files
for name in 'caf\\351' '\\377\\376' 'caf\\303\\251' link 'fold\\351r/\\200' "$(i=0; while [ $i -lt 85 ]; do printf '%s' '\\303\\251x'; i=$((i+1)); done)"; do
  read -r line < "$(printf "$name")" && echo "$line"
done
count=0; for name in *; do count=$((count + 1)); done; echo "$count files"
`;
const inside = "latin bytes text latin inside long 6 files";

const running = clientKinds.filter(({ can }) => can.includes("run"));

test.for(running.map((kind) => [kind.name, kind] as const))(
  "%s unpacks names that are no text as they are",
  async ([, kind], context) => {
    need(context, "nix-store");
    const client = await clients.start(context, kind);
    const reference = `${firn.host}/names:latest`;
    const pulled = await client.pull(reference);
    expect(pulled.exitCode, pulled.all).toBe(0);
    const command = ["/bin/ld", "--library-path", "/bin", "/bin/sh", "-c", look];
    const seen = await client.run?.(reference, ...command);
    expect(seen?.exitCode, seen?.all).toBe(0);
    expect(seen?.stdout.trim().split("\n").join(" ")).toBe(inside);
  },
);
