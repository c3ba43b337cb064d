import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFirn, type Firn } from "../support/firn.ts";
import { isInstalled } from "../support/need.ts";
import { problemOf, pull } from "../support/pull.ts";
import { program } from "../support/program.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

// One registry, with a secret in its environment and one in a file, and a package set that wants both.
const fixture = resolve(import.meta.dirname, "../fixtures/greedy");
const secret = randomUUID();
const salt = randomUUID();
const metadata = "169.254.169.254";
const canRun =
  process.getuid?.() === 0 &&
  ["nix-store", "ip", "nsenter", "curl"].every((name) => isInstalled(name));

let folder: TemporaryFolder;
let firn: Firn;
let asked = 0;
// Others on this machine may ask, too: of other things.
const server = createServer(({ url = "" }, response) => {
  if (url.includes(salt)) asked++;
  response.end(secret);
});

describe.skipIf(!canRun)("a package set that is hostile", () => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    const set = join(folder.path, "set");
    const kept = join(folder.path, "secret");
    await cp(fixture, set, { recursive: true });
    await writeFile(kept, secret, { mode: 0o600 });
    await writeFile(join(set, "secret-path"), kept);
    await writeFile(join(set, "salt"), salt);
    await program("ip", ["address", "add", `${metadata}/32`, "dev", "lo"]);
    await once(server.listen(80, metadata), "listening");
    firn = await startFirn({
      packageSet: set,
      env: {
        FIRN_SANDBOX: "required",
        FIRN_ISOLATION: "required",
        FIRN_NIX_CONFIG: "substituters =; sandbox-paths = /bin /usr /lib /lib64 /etc/ssl",
        FIRN_BUILDS: "6",
        FIRN_BUILD_MINUTES: "1",
        FIRN_BUILD_MEMORY_MB: "300",
        FIRN_BUILD_PROCESSES: "100",
        FIRN_BUILD_LOG_MB: "1",
        FIRN_EVALUATION_SECONDS: "20",
        FIRN_EVALUATION_MB: "600",
        FIRN_HOLD_SECONDS: "200",
        PLANTED_SECRET: secret,
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "firn.test",
        GIT_CONFIG_VALUE_0: secret,
      },
    });
  }, 60_000);

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await program("ip", ["address", "del", `${metadata}/32`, "dev", "lo"], { mayFail: true });
    await firn[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const builds = [
    ["forks without end", "forks", /the build of forks-1.0 was stopped: it had more than 100 proc/],
    [
      "fills the memory",
      "memory",
      /build of memory-1.0 was stopped: it took more than 300 MB of m/,
    ],
    ["prints for ever", "prints", /prints-1.0.*killed after writing more than 1000000 bytes of/],
    ["sleeps for ever", "sleeps", /the build took longer than 1 minutes/],
    [
      "asks for the worker's token",
      "token",
      /Could not resolve|Couldn't connect|Failed to connect/,
    ],
    ["asks for it while it fetches", "fetchtoken", /169.254.169.254 is out of bounds for what is/],
    ["reads environments", "environment", /looked/],
    ["reads files", "files", /No such file or directory/],
    ["writes outside of its output", "outside", /tried/],
  ] as const;
  const evaluations = [
    ["hangs", "hangs", /evaluation took longer than 20 seconds/],
    ["fills the memory", "grows", /evaluation was stopped: it took more than 600 MB of memory/],
    [
      "imports from a derivation",
      "imports",
      /imported.*FIRN_IMPORT_FROM_DERIVATION would allow it/,
    ],
    ["reads a variable", "variable", /PLANTED_SECRET is <>/],
    [
      "reads the environment of a process",
      "process",
      /'\/proc\/self\/environ' is forbidden in pure/,
    ],
    [
      "reads a file",
      "file",
      /secret' is forbidden in pure eval mode; FIRN_IMPURE_EVALUATION would/,
    ],
    [
      "asks for the worker's token",
      "fetches",
      /URI 'http:\/\/169.*; FIRN_EVALUATION_URLS can allow/,
    ],
    [
      "asks for it by a hash",
      "fetcheshash",
      /access to URI 'http:\/\/169.254.169.254\/.* is forbid/,
    ],
    ["asks what time it is", "clock", /currentTime/],
  ] as const;

  it.concurrent.each(builds)(
    "that %s when it is built fails by that",
    async (_, name, said) => {
      const { status, message } = await problemOf(await firn.manifest(name));
      const log = (await firn.build(name))?.failure?.log?.join("\n") ?? "";
      expect({ status, said: `${message}\n${log}` }).toEqual({
        status: 404,
        said: expect.stringMatching(said) as string,
      });
    },
    150_000,
  );

  it.concurrent.each(evaluations)(
    "that %s when it is evaluated fails by that",
    async (_, name, said) => {
      const { status, message } = await problemOf(await firn.manifest(name));
      expect(status).toBe(404);
      expect(message).toMatch(said);
    },
    150_000,
  );

  it("leaves a worker behind that goes on, and nothing that still runs", async () => {
    await pull(firn, "fine");
    const { all } = await program("ps", ["-eo", "args"]);
    expect(all).not.toMatch(/^(?:sleep 1000|yes for ever)$/m);
    for (const place of [join(folder.path, "secret.written"), "/nix/store/written", "/etc/written"])
      expect(existsSync(place)).toBe(false);
  });

  it("has got at no secret: it is in no message, log, record or layer, and nobody was asked for it", async () => {
    expect(asked).toBe(0);
    const status = await (await firn.fetch("/status")).text();
    expect(status).toContain("looked");
    expect(`${status}${JSON.stringify(firn.log)}`).not.toContain(secret);
    const names = await readdir(firn.data, { recursive: true, withFileTypes: true });
    const files = names.filter((each) => each.isFile());
    expect(files.length).toBeGreaterThan(3);
    for (const { parentPath, name } of files) {
      expect((await readFile(join(parentPath, name))).includes(secret)).toBe(false);
    }
    // What was kept from it was there to be had.
    expect(await (await fetch(`http://${metadata}/`)).text()).toBe(secret);
  });
});
