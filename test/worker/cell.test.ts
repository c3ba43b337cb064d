import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { expect, it, type TestContext } from "vitest";
import { parsePackageSet } from "../../core/package-set.ts";
import { openCell } from "../../worker/cell.ts";
import { prepareNix } from "../../worker/prepare-nix.ts";
import { createRun } from "../../worker/run.ts";
import { need, needRoot, skipFor } from "../support/need.ts";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const main = resolve(import.meta.dirname, "../support/cell-main.ts");

/** What a script prints in a cell, as root or as the user of the worker's image. */
async function inCell(context: TestContext, user: "root" | "firn", script: string, exempt = "") {
  need(context, "ip", "nsenter", "unshare", "curl");
  needRoot(context);
  const as = user === "root" ? [] : ["--reuid=65532", "--regid=65532", "--clear-groups"];
  const args = [...as, process.execPath, main, script, exempt];
  const { exitCode, all } = await program("setpriv", args, { mayFail: true, cwd: "/" });
  // A folder of root's own, or a kernel without user namespaces.
  if (user === "firn" && /EACCES|unshare failed/.test(all)) skipFor(context, all.slice(0, 200));
  expect({ exitCode, all }).toMatchObject({ exitCode: 0 });
  return all;
}

const users = ["root", "firn"] as const;

it.each(users)(
  "as %s, what listens on this machine is out of reach, by any name",
  async (user, ...rest) => {
    const context = rest.at(-1) as unknown as TestContext;
    let asked = 0;
    const server = createServer((_, response) => (asked++, response.end("reached")));
    await once(server.listen(0, "0.0.0.0"), "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    try {
      const names = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
      ];
      const urls = names.map((name) => `http://${name}:${port}/`).join(" ");
      const ask = `curl -sS -m 5 ${urls}; for how in --proxytunnel "--noproxy *"; do curl -sS -m 5 $how http://127.0.0.1:${port}/; done; true`;
      const said = await inCell(context, user, ask);
      expect(said.match(/out of bounds for what is built here/g)?.length).toBeGreaterThanOrEqual(
        names.length,
      );
      expect(said).not.toContain("reached");
      expect(asked).toBe(0);

      const place = `127.0.0.1:${port}`;
      const allowed = await inCell(
        context,
        user,
        `curl -sS http://${place}/; curl -sS --proxytunnel http://${place}/`,
        place,
      );
      expect(allowed).toContain("reachedreached");
      expect(asked).toBe(2);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
  60_000,
);

it.each(users)(
  "as %s, nothing outlives it, and it sees nothing but its own",
  async (user, ...rest) => {
    const context = rest.at(-1) as unknown as TestContext;
    const said = await inCell(context, user, "setsid sleep 27.18 & ls -d /proc/[0-9]*; id -u");
    expect(said.match(/^\/proc\/\d+$/gm)?.length).toBeLessThanOrEqual(5);
    expect(said).toMatch(user === "root" ? /^0$/m : /^65532$/m);
    expect((await program("ps", ["-eo", "args"])).all).not.toMatch(/^sleep 27\.18$/m);
  },
  60_000,
);

it.each([
  ["is not allowed", "echo 'unshare failed: Operation not permitted' >&2; exit 1", "not permitted"],
  ["does not come about", "sleep 60", "out of patience"],
])(
  "a network of its own that %s is said, and not waited for",
  async (_, script, why) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "unshare"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("out of patience")), 1000);
    const run = createRun({ PATH: `${folder.path}:/usr/bin:/bin` });
    const tools = { run, log: () => undefined, isRoot: true, exempt: new Set<string>() };
    await expect(openCell(tools, patience.signal)).rejects.toThrow(why);
    clearTimeout(timer);
  },
  10_000,
);

it("is opened for package sets that are somebody else's, and costs the starter set no process", async (context) => {
  need(context, "nix-store", "ip", "nsenter", "unshare");
  needRoot(context);
  await using folder = await temporaryFolder();
  const said: string[] = [];
  await using prepared = await prepareNix(
    {
      environment: process.env,
      data: folder.path,
      nixConfig: "substituters =",
      allowUnfree: false,
      log: (_, message) => void said.push(message),
    },
    new AbortController().signal,
  );
  const forwarders = async () => {
    const { all } = await program("pgrep", ["-P", String(process.pid), "-f", "worker/forwarder"], {
      mayFail: true,
    });
    return all.split("\n").filter((line) => line !== "").length;
  };
  const starter = parsePackageSet("starter");
  prepared.nixFor(starter);
  await prepared.tellSandbox(starter);
  expect(await forwarders()).toBe(0);
  await prepared.tellSandbox(parsePackageSet(folder.path));
  expect(await forwarders()).toBe(1);
  expect(said.filter((message) => message.startsWith("Nix is isolated"))).toHaveLength(1);
});
