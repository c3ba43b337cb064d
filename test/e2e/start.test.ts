import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { runFirn, startFirn } from "../support/firn.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("firn does not start, and says why,", () => {
  test("without Nix where it cannot install it", async () => {
    await using folder = await temporaryFolder();
    const { code, said } = await runFirn({
      data: join(folder.path, "data"),
      env: { PATH: folder.path },
    });
    expect(code).toBe(1);
    expect(said).toContain(
      "Nix is not installed, and firn builds with it. On Debian or Ubuntu, as root: apt-get install nix-bin\n",
    );
    expect(said).toContain("Elsewhere: sh <(curl");
    expect(said.trim().split("\n")).toHaveLength(2);
  });

  test("on a port that is taken", async () => {
    await using folder = await temporaryFolder();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    const { code, said } = await runFirn({
      data: join(folder.path, "data"),
      env: { FIRN_PORT: String(port) },
    });
    server.close();
    expect(code).toBe(1);
    expect(said).toContain(
      `port ${port} is taken: stop the program that listens there, or set FIRN_PORT`,
    );
  });

  test("on a data folder that another firn uses", async () => {
    await using first = await startFirn();
    const { code, said } = await runFirn({ data: first.data });
    expect(code).toBe(1);
    expect(said).toContain(
      `another firn uses the data folder ${first.data}: stop it, or set FIRN_DATA`,
    );
    await pull(first, "hello");
  });

  test("with settings it does not know or understand, all at once", async () => {
    await using folder = await temporaryFolder();
    const { code, said } = await runFirn({
      data: join(folder.path, "data"),
      env: { FIRN_PROT: "80", FIRN_LAYERS: "1000", FIRN_PACKAGE_SET: "nixpkgs" },
    });
    expect(code).toBe(1);
    expect(said).toContain("FIRN_PROT: there is no such setting");
    expect(said).toContain('FIRN_LAYERS: "1000" is not a whole number from 2 to 125');
    expect(said).toContain('FIRN_PACKAGE_SET: "nixpkgs" is not a package set: use starter');
  });

  test("on a package set whose folder does not exist", async () => {
    await using folder = await temporaryFolder();
    const packageSet = join(folder.path, "nowhere");
    const { code, said } = await runFirn({ data: join(folder.path, "data"), packageSet });
    expect(code).toBe(1);
    expect(said).toContain(`the package set in ${packageSet} cannot be read`);
  });
});

test("Ctrl-C before it is up ends it at once", async () => {
  await using folder = await temporaryFolder();
  // A server that takes connections and never answers: the look for a binary cache waits four seconds for it.
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  await writeFile(join(folder.path, "nix.conf"), `substituters = http://127.0.0.1:${port}/\n`);
  const connected = once(server, "connection");
  const interrupted = connected.then(() => performance.now());
  const ending = runFirn({
    data: join(folder.path, "data"),
    env: { NIX_CONF_DIR: folder.path, FIRN_NIX_CONFIG: "sandbox = false" },
    interruptOn: connected,
  });
  expect((await ending).code).toBe(0);
  expect(performance.now() - (await interrupted)).toBeLessThan(3500);
  await eventually("the server closes", () => server.close() && true);
});
