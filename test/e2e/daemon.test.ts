import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { runFirn, startFirn } from "../support/firn.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Most installations of Nix have a daemon; this one is started for the test, beside a store that needs none.
async function startDaemon(folder: string) {
  const socket = join(folder, "socket");
  const config = "build-users-group =\nsandbox = false";
  const daemon = spawn("nix-daemon", [], {
    env: { ...process.env, NIX_DAEMON_SOCKET_PATH: socket, NIX_CONFIG: config },
    stdio: "ignore",
  });
  await eventually("the daemon listens", () => existsSync(socket));
  const stop = () => void daemon.kill("SIGKILL");
  return { remote: `unix://${socket}`, [Symbol.dispose]: stop };
}

test("under a Nix daemon images are built, and it is said that builds are not isolated", async () => {
  await using folder = await temporaryFolder();
  using daemon = await startDaemon(folder.path);
  await using firn = await startFirn({ env: { NIX_REMOTE: daemon.remote } });
  await pull(firn, "hello");
  const said = firn.log.filter(({ message }) => message.includes("isolated"));
  expect(said.map(({ severity, message }) => [severity, message])).toEqual([
    [
      "WARNING",
      "builds are not isolated, and can reach metadata servers and this machine: a Nix daemon builds, in places of its own",
    ],
  ]);
});

test("under a Nix daemon isolation cannot be required", async () => {
  await using folder = await temporaryFolder();
  using daemon = await startDaemon(folder.path);
  const { code, said } = await runFirn({
    data: join(folder.path, "data"),
    env: { NIX_REMOTE: daemon.remote, FIRN_ISOLATION: "required" },
  });
  expect(code).toBe(1);
  expect(said).toContain(
    'FIRN_ISOLATION is "required", and Nix cannot be isolated: a Nix daemon builds, in places of its own',
  );
});
