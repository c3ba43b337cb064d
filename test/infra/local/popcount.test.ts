import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { need } from "../../support/need.ts";
import { writeQuickPackageSet } from "../../support/package-set.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

beforeEach((context) => need(context, "nix-store"));

const popcount = resolve(import.meta.dirname, "../../../infra/local/popcount.ts");
const asDerivations = "many = { recurseForDerivations = true; } // fresh;";

/** A binary cache that has every path, each without references; slow, as they are from far away. */
async function slowCache() {
  const answered: string[] = [];
  const server = createServer((request, response) => {
    const hash = /^\/([0-9a-z]{32})\.narinfo$/.exec(request.url ?? "")?.[1] ?? "";
    const answer = () => {
      answered.push(hash);
      response.end(`StorePath: /nix/store/${hash}-of-cache-1.0\nNarSize: 10\nReferences: \n`);
    };
    const timer = setTimeout(answer, 100);
    response.on("close", () => clearTimeout(timer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    answered,
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function start(packageSet: string, data: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [popcount, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      FIRN_PACKAGE_SET: packageSet,
      FIRN_DATA: data,
      FIRN_NIX_CONFIG: "sandbox = false; substituters =",
    },
  });
  let said = "";
  child.stderr.on("data", (part) => (said += String(part)));
  return { child, said: () => said, ended: once(child, "exit") };
}

test("a count that is killed goes on where it was, and ends as one that is not", async () => {
  await using folder = await temporaryFolder();
  using cache = await slowCache();
  const packageSet = await writeQuickPackageSet(folder.path, asDerivations);
  const [data, out] = [join(folder.path, "data"), join(folder.path, "popularity.json")];
  const args = ["--cache", cache.url, "--out", out];
  const killed = start(packageSet, data, ...args);
  await eventually("half is answered", () => cache.answered.length >= 120);
  killed.child.kill("SIGKILL");
  await killed.ended;
  const before = cache.answered.splice(0);

  const again = start(packageSet, data, ...args);
  await again.ended;
  expect(again.child.exitCode, again.said()).toBe(0);
  const after = cache.answered.splice(0);
  // Asked for twice is only what was on its way when it was killed.
  expect(after.filter((hash) => before.includes(hash)).length).toBeLessThanOrEqual(64);
  expect(after.length).toBeLessThan(before.length + 64);
  expect(new Set([...before, ...after]).size).toBeGreaterThan(200);

  const whole = start(packageSet, join(folder.path, "other"), "--cache", cache.url);
  const counted = await text(whole.child.stdout);
  expect(counted).toBe(await readFile(out, "utf8"));
  expect(JSON.parse(counted)).toMatchObject({ fresh: 200, hello: 1 });
}, 120_000);

test("what to do is said where it cannot be told what to count", async () => {
  await using folder = await temporaryFolder();
  const wrong = start("auto", folder.path);
  await wrong.ended;
  expect(wrong.child.exitCode).toBe(1);
  expect(wrong.said()).toMatch(/^FIRN_PACKAGE_SET: say of which package set/);
  const other = start("starter", folder.path, "--platform", "riscv");
  await other.ended;
  expect(other.said()).toBe("--platform riscv: use amd64 or arm64\n");
});
