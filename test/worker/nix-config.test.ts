import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { createNixConfig } from "../../worker/nix-config.ts";
import { createRun } from "../../worker/run.ts";
import type { SandboxRule } from "../../worker/sandbox.ts";
import { need, skipFor } from "../support/need.ts";

const never = new AbortController().signal;
const run = createRun({ PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/root" });

interface More {
  readonly hasProxy?: boolean;
  readonly rule?: SandboxRule;
}

async function configFor(further: readonly string[], more: More = {}) {
  const log: string[] = [];
  const { lines: config, sandbox } = await createNixConfig(
    {
      run,
      log: (_, message) => void log.push(message),
      isRoot: process.getuid?.() === 0,
      hasProxy: more.hasProxy ?? false,
      further,
      rule: more.rule ?? "auto",
    },
    never,
  );
  return { log, config, sandbox };
}

/** What Nix itself makes of the lines. */
async function asNixReadsIt(lines: string): Promise<Readonly<Record<string, { value: unknown }>>> {
  const args = ["--extra-experimental-features", "nix-command", "show-config", "--json"];
  const { stdout } = await run({ file: "nix", args, env: { NIX_CONFIG: lines }, signal: never });
  return JSON.parse(stdout) as Record<string, { value: unknown }>; // of the real Nix
}

describe("the configuration of Nix", () => {
  it("keeps the binary caches that answer and leaves out those that do not, which is said", async (context) => {
    need(context, "nix");
    const server = createServer((_, response) => response.end("StoreDir: /nix/store\n"));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    const answering = `http://127.0.0.1:${port}/`;
    const silent = "http://127.0.0.1:1/";

    const both = await configFor([`substituters = ${answering} ${silent}`]);
    const read = await asNixReadsIt(await both.config(false));
    expect(read["substituters"]?.value).toEqual([answering]);
    expect(both.log).not.toContainEqual(expect.stringContaining("no binary cache answers"));
    server.close();

    const none = await configFor([`substituters = ${silent}`]);
    expect((await asNixReadsIt(await none.config(false)))["substituters"]?.value).toEqual([]);
    expect(none.log).toContain("no binary cache answers: what is not in the store is built here");
  });

  it("takes binary caches behind a proxy to answer: only Nix can reach them", async (context) => {
    need(context, "nix");
    const { config } = await configFor(["substituters = http://127.0.0.1:1/"], { hasProxy: true });
    expect((await config(false)).match(/substituters/g)).toHaveLength(1);
  });

  it("has no sandbox for builders that use the machine's programs, and is what Nix understands", async (context) => {
    need(context, "nix");
    const { config } = await configFor(["substituters =", "max-jobs = 3"]);
    const read = await asNixReadsIt(await config(true));
    expect(read["sandbox"]?.value).toBe(false);
    expect(read["max-jobs"]?.value).toBe(3);
    expect(read["substituters"]?.value).toEqual([]);
  });

  it("says why builds are not sandboxed, by the setting or by Nix's own", async (context) => {
    need(context, "nix");
    const off = await configFor(["substituters ="], { rule: "off" });
    expect(off.sandbox).toEqual({ state: "off", reason: "FIRN_SANDBOX is off" });
    expect((await asNixReadsIt(await off.config(false)))["sandbox"]?.value).toBe(false);
    const set = await configFor(["substituters =", "sandbox = false"]);
    expect(set.sandbox).toEqual({ state: "off", reason: "Nix is set to sandbox = false" });
  });

  it("is none where a sandbox is required and cannot be had", async (context) => {
    need(context, "nix");
    const further = ["substituters =", "sandbox = false"];
    await expect(configFor(further, { rule: "required" })).rejects.toThrow(
      'FIRN_SANDBOX is "required", and builds cannot be sandboxed: Nix is set to sandbox = false',
    );
  });

  it("never lets Nix build without the sandbox that is required", async (context) => {
    need(context, "nix");
    const { sandbox } = await configFor(["substituters ="]);
    if (sandbox.state === "off") skipFor(context, `no sandbox here: ${sandbox.reason}`);
    const { config } = await configFor(["substituters ="], { rule: "required" });
    const read = await asNixReadsIt(await config(false));
    expect(read["sandbox"]?.value).toBe(true);
    expect(read["sandbox-fallback"]?.value).toBe(false);
  });
});
