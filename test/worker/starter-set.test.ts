import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CommandFailed, createRun } from "../../worker/run.ts";
import type { Run } from "../../worker/run.ts";
import type { StarterLock } from "../../worker/starter-lock.ts";
import { writeStarterSet } from "../../worker/starter-set.ts";

const { signal } = new AbortController();
const lookedFor = ["apt-get", "dpkg-deb", "patchelf", "nix-store"];
const folders = (process.env["PATH"] ?? "").split(":");
const missing = lookedFor.filter(
  (file) => !folders.some((folder) => existsSync(`${folder}/${file}`)),
);
const notHere = missing.length === 0 ? undefined : `without ${missing.join(", ")}`;
const notRoot = process.getuid?.() === 0 ? undefined : "chroot is for root";

const run = createRun({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "/",
  NIX_CONFIG: "substituters =\nsandbox = false\nbuild-users-group =",
});

/** What writing told its log. */
async function writeTo(folder: string, through: Run = run): Promise<readonly string[]> {
  const said: string[] = [];
  const log = (severity: string, message: string) => void said.push(`${severity} ${message}`);
  await mkdir(folder);
  await writeStarterSet({ run: through, log }, folder, signal);
  return said;
}

async function linesOf(file: string, ...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run({ file, args, signal });
  return stdout.trim().split("\n");
}

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "firn-starter-test-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const set = () => join(root, "set");

const offline: Run = async (command) => {
  if (command.args.includes("download")) throw new Error("there is no network");
  return run(command);
};

/** A machine on which everything succeeds and says nothing, but for one program that is missing. */
function machineWithout(file: string): Run {
  const outcome = { missing: true, timedOut: false, exitCode: undefined, stdout: "", stderr: "" };
  return async (command) => {
    if (command.file === file) throw new CommandFailed(file, outcome, undefined);
    return { stdout: command.file === "dpkg" ? "amd64\n" : "", stderr: "" };
  };
}

/** Runs a command as a user, below a root folder that holds the closure of a package and nothing else. */
async function runInJail(closure: readonly string[], command: readonly string[]): Promise<string> {
  const jail = join(await mkdtemp(join(root, "jail-")), "root");
  await run({ file: "mkdir", args: ["-p", `${jail}/nix/store`, `${jail}/dev`], signal });
  await run({ file: "cp", args: ["-a", "/dev/null", "/dev/urandom", `${jail}/dev`], signal });
  await run({ file: "mkdir", args: ["--mode=1777", `${jail}/tmp`], signal });
  await run({ file: "cp", args: ["-a", ...closure, `${jail}/nix/store`], signal });
  await run({ file: "chmod", args: ["755", join(jail, ".."), root], signal });
  const path = closure.map((one) => `${one}/bin`).join(":");
  const chroot = ["-i", `PATH=${path}`, "HOME=/tmp", "/usr/sbin/chroot", "--userspec=1000:1000"];
  const { stdout } = await run({ file: "env", args: [...chroot, jail, ...command], signal });
  return stdout.trim();
}

describe.skipIf(notHere !== undefined)(`with apt and Nix (${notHere ?? "which are here"})`, () => {
  beforeAll(() => writeTo(set()), 120_000);

  test("a second set is the same to the byte, and downloads nothing", async () => {
    const said = await writeTo(join(root, "again"), offline);
    expect(said.filter((line) => line.includes("downloading"))).toEqual([]);
    for (const file of ["lock.json", "default.nix", "debs.nix", "build.sh"]) {
      const first = await readFile(join(set(), file));
      expect(first.equals(await readFile(join(root, "again", file)))).toBe(true);
    }
  });

  test("every package says its name, version, description and main program", async () => {
    const expression = `let set = import ${set()} { }; about = package: {
      inherit (package) name version; description = package.meta.description or "";
      program = package.meta.mainProgram or null; path = package.outPath;
    }; in builtins.mapAttrs (_: about) (removeAttrs set [ "python3Packages" ])`;
    const args = ["--eval", "--strict", "--json", "--expr", expression];
    const { stdout } = await run({ file: "nix-instantiate", args, signal });
    const packages = JSON.parse(stdout) as Record<string, Record<string, string>>;
    expect(packages).toMatchObject({ git: { program: "git" }, ripgrep: { program: "rg" } });
    expect(packages["bashInteractive"]?.["path"]).toBe(packages["bash"]?.["path"]);
    const silent = Object.entries(packages).filter(
      ([, { name, version, description }]) =>
        !description || !version || !name?.endsWith(`-${version}`),
    );
    expect(silent).toEqual([]);
  });

  test("a Debian package is a derivation that asks apt for just this version", async () => {
    const lock = JSON.parse(await readFile(join(set(), "lock.json"), "utf8")) as StarterLock;
    const derivations = await linesOf("nix-instantiate", "--attr", "hello", set());
    const inputs = await linesOf("nix-store", "--query", "--references", ...derivations);
    const deb = inputs.filter((path) => path.endsWith(`-${lock.debs["hello"]?.file}.drv`));
    const request = await linesOf("nix-store", "--query", "--binding", "request", ...deb);
    expect(request).toEqual([`hello=${lock.debs["hello"]?.version}`]);
  });

  const git = "git init -q /tmp/r && cd /tmp/r && git -c user.name=a -c user.email=b commit";
  test.skipIf(notRoot !== undefined).each([
    ["hello", ["hello"], /^Hello, world!$/],
    ["bash", ["sh", "-c", "printf %s $BASH_VERSION"], /^5/],
    ["git", ["sh", "-c", `${git} -q --allow-empty -m one && git log --format=%s`], /^one$/],
    ["curl", ["curl", "--version"], /https/],
    ["jq", ["jq", "-n", "[1, 2] | add"], /^3$/],
    [
      "openssl",
      ["openssl", "req", "-new", "-nodes", "-keyout", "/tmp/k", "-subj", "/CN=x"],
      /BEGIN/,
    ],
    ["python3", ["python3", "-c", "import ssl, sqlite3, json, zlib, ctypes; print('ok')"], /^ok$/],
    ["nano", ["nano", "--version"], /GNU nano/],
    ["htop", ["htop", "--version"], /^htop/],
    ["rsync", ["rsync", "-a", "/nix/store/", "/tmp/copy"], /^$/],
    ["sqlite", ["sqlite3", ":memory:", "select 6 * 7"], /^42$/],
  ])(
    "%s runs for a user where there is its closure and nothing else",
    async (...row) => {
      const [attribute, command, expected] = row;
      const build = ["--no-out-link", "--attr", attribute, set()];
      const closure = await linesOf(
        "nix-store",
        "--query",
        "--requisites",
        ...(await linesOf("nix-build", ...build)),
      );
      expect(closure.filter((path) => /\.deb$|build\.sh$/.test(path))).toEqual([]);
      expect(await runInJail(closure, command)).toMatch(expected);
    },
    120_000,
  );
});

describe.skipIf(!existsSync("/etc/debian_version"))("on a Debian machine", () => {
  test.each([
    ["patchelf", "patchelf"],
    ["dpkg-deb", "dpkg"],
    ["apt-cache", "apt"],
  ])("where %s is missing, the error names the Debian package %s", async (file, debian) => {
    await expect(writeTo(join(root, file), machineWithout(file))).rejects.toThrow(
      `the starter set needs ${file}: install the Debian package ${debian}`,
    );
  });
});
