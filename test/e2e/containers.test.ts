import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { messageOf } from "../../core/log.ts";
import { startDocker, type Docker } from "../support/docker.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { expectSoundLayers, filesOf, resolveIn } from "../support/image.ts";
import { need, needRoot } from "../support/need.ts";
import { preparePodman } from "../support/podman.ts";
import type { Ended } from "../support/program.ts";
import { pull, readLayout, skopeoCopy } from "../support/pull.ts";
import { openSpace, type Space } from "../support/space.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { unpack } from "../support/unpack.ts";

const nonroot = 65_532;

// Programs that really run, out of Debian's packages: where there is no apt there is no starter set.
let firn: Firn | undefined;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await firn?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Serves the starter set, once for all tests; skips where it cannot be had. */
async function starter(context: TestContext): Promise<Firn> {
  need(context, "apt-get");
  needRoot(context);
  const data = join(folder.path, "data");
  firn ??= await startFirn({ packageSet: "starter", data, env: { FIRN_NIX_CONFIG: "" } });
  return firn;
}

/** What a client that has to succeed printed. */
async function succeeds(ended: Promise<Ended>): Promise<string> {
  const { exitCode, all, stdout } = await ended;
  expect(exitCode, all).toBe(0);
  return stdout;
}

test("an image of the starter set is what the specification says, and no link leads nowhere", async (context) => {
  const image = await pull(await starter(context), "hello");
  expectSoundLayers(image);
  const files = filesOf(image);
  const dangling = [...files.values()]
    .filter(({ path, type }) => type === "SymbolicLink" && !path.startsWith("nix/"))
    .filter(({ path }) => resolveIn(files, path) === undefined);
  expect(dangling.map(({ path, target }) => `${path} -> ${target}`)).toEqual([]);
});

test("unpacked by hand, programs run as in a container, as root and as somebody else", async (context) => {
  need(context, "skopeo", "tar", "chroot");
  const registry = await starter(context);
  const layout = join(folder.path, "layout");
  await succeeds(skopeoCopy(registry, "shell/hello/git/curl/python3", layout));
  const image = await readLayout(layout);
  expectSoundLayers(image);
  const files = filesOf(image);
  expect(files.get("tmp")).toMatchObject({ type: "Directory", mode: 0o1777 });
  expect(files.get("etc/passwd")?.content).toContain(`nonroot:x:${nonroot}:${nonroot}:`);
  for (const path of ["usr/bin/env", "bin/sh", "bin/git", "bin/bash"]) {
    expect(resolveIn(files, path), path).toMatchObject({ type: "File" });
  }

  const run = await unpack(image, join(folder.path, "root"));
  expect(await run(0, "/bin/hello")).toBe("Hello, world!");
  const curl = /^curl .*\nRelease-Date.*\nProtocols: .*https/;
  expect(await run(0, "curl", "--version")).toMatch(curl);
  const python =
    "import ssl, sqlite3, json; print(len(ssl.create_default_context().get_ca_certs()) > 50)";
  expect(await run(nonroot, "python3", "-c", python)).toBe("True");
  const pipe = "id -un; cd /tmp && echo hi | gzip | gunzip | sed s/hi/ho/ | grep ho";
  expect(await run(nonroot, "bash", "-c", pipe)).toBe("nonroot\nho");
  const commit = `set -e; mkdir /tmp/r; cd /tmp/r; git init --quiet; echo one > file; git add file
    git -c user.name=n -c user.email=n@example.com commit --quiet -m first; git log --format=%s; git status --short`;
  expect(await run(nonroot, "bash", "-c", commit)).toBe("first");
});

describe("docker", () => {
  const inside = ["run", "--rm", "--network", "none"];
  let space: Space | undefined;
  let started: Promise<Docker> | undefined;
  afterAll(async () => await space?.[Symbol.asyncDispose]());

  async function daemon(context: TestContext): Promise<Docker> {
    need(context, "dockerd", "docker");
    needRoot(context);
    space ??= await openSpace(join(folder.path, "docker"));
    started ??= startDocker(space);
    // In CI too: what a machine does not let a daemon do is no fault of ours, and the number of skips is printed.
    return await started.catch((error: unknown) => context.skip(messageOf(error)));
  }

  test("pulls an image and runs its programs, as root and as nonroot", async (context) => {
    const docker = await daemon(context);
    const registry = await starter(context);
    const name = `${registry.host}/shell/git/curl`;
    await succeeds(docker("pull", name));
    expect(await succeeds(docker(...inside, name, "git", "--version"))).toMatch(/^git version 2\./);
    expect(await succeeds(docker(...inside, name, "curl", "--version"))).toMatch(/^curl /);
    const init = "cd /tmp && git init x && id -u && env";
    const said = await succeeds(docker(...inside, "-u", "nonroot", name, "bash", "-c", init));
    expect(said).toContain("Initialized empty Git repository in /tmp/x/.git/");
    expect(said).toMatch(new RegExp(`^${nonroot}$`, "m"));
    // What there is to run where nothing is said: the shell, since it was asked for.
    expect(await succeeds(docker(...inside, name))).toBe("");
    const command = await succeeds(docker("inspect", "--format", "{{json .Config.Cmd}}", name));
    expect(command).toBe('["/bin/bash"]');
    // A folder without an entry of its own would be 0600 here.
    const folders = ["/", "/nix", "/nix/store", "/bin", "/tmp"];
    const modes = await succeeds(docker(...inside, name, "stat", "-c", "%a", ...folders));
    expect(modes.split("\n")).toEqual(["755", "755", "755", "755", "1777"]);
  });
});

test("podman runs the programs of an image as somebody who is not root", async (context) => {
  need(context, "podman");
  needRoot(context);
  await using space = await openSpace(join(folder.path, "podman"));
  const { podman, inside } = await preparePodman(space);
  const registry = await starter(context);
  const name = `${registry.host}/shell/git/curl`;
  await succeeds(podman("pull", "--tls-verify=false", name));
  const init = "cd /tmp && git init x && git --version";
  const said = podman("run", ...inside, "--user", "nonroot", name, "bash", "-c", init);
  expect(await succeeds(said)).toMatch(
    /Initialized empty Git repository in \/tmp\/x\/.git\/\ngit version 2\./,
  );
});
