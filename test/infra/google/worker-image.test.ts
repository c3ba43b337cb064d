import { chmod, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { provideDebian } from "../../support/base-image.ts";
import { startCloud, type Cloud } from "../../support/cloud.ts";
import { clientOf } from "../../support/cloud-client.ts";
import { printed, printedJson } from "../../support/client.ts";
import { startDocker, type Docker } from "../../support/docker.ts";
import { emulatorHosts, freshProject, needEmulators } from "../../support/emulators.ts";
import { isInstalled } from "../../support/need.ts";
import { openSpace } from "../../support/space.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { startContainer } from "../../support/worker-container.ts";

const missing = ["dockerd", "docker", "runc", "debootstrap"].filter((each) => !isInstalled(each));
const reason =
  process.getuid?.() !== 0
    ? "the worker's image is built as root alone"
    : missing.length > 0
      ? `${missing.join(", ")} is not installed`
      : undefined;
const image = "firn-worker";
const buildMs = 30 * 60_000;

needEmulators();
const resources = new AsyncDisposableStack();
let folder: string;
let docker: Docker;
let cloud: Cloud;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  if (reason !== undefined) {
    if (process.env["CI"] === "true") throw new Error(`${reason}, and in CI nothing is skipped`);
    return;
  }
  folder = resources.use(await temporaryFolder()).path;
  docker = await startDocker(resources.use(await openSpace(join(folder, "docker"))));
  await provideDebian(docker, "trixie");
  const context = resolve(import.meta.dirname, "../../..");
  const file = join(context, "worker/Dockerfile");
  await printed(docker("build", "--network", "host", "--file", file, "--tag", image, context));
  cloud = resources.use(
    await startCloud({
      emulators: emulatorHosts(),
      project: freshProject(),
      packageSet: "starter",
      workers: 0,
      withAll: false,
    }),
  );
  // What the worker would not know.
  const { FIRN_BLOB_URL: _, FIRN_QUOTA: __, ...common } = cloud.functionsEnv;
  env = { ...common, FIRN_NIX_CONFIG: "substituters =" };
}, buildMs);
afterAll(async () => await resources.disposeAsync(), 60_000);

/** A worker that takes no jobs, and says how it would build packages that do not need the host. */
const idle = () => ({
  ...env,
  FIRN_PACKAGE_SET: "/firn/nix",
  FIRN_JOBS: "push",
  FIRN_PUSH_ACCOUNT: "anybody",
  FIRN_PORT: "0",
});

test.skipIf(reason)(
  "a worker on an empty disk takes a job, and docker pulls and runs what it built",
  async () => {
    // As Cloud Run mounts one: somebody else's, and everybody may write to it.
    const disk = join(folder, "disk");
    await mkdir(join(disk, "lost+found"), { recursive: true });
    await chmod(disk, 0o777);
    const mounted = ["--volume", `${disk}:/nix`];
    const first = await startContainer(docker, image, env, mounted);
    await first.untilSaid(/^ready$/);
    const before = await first.said();
    expect(before).toContain("filled the empty /nix from /seed/nix");
    expect(before.filter((message) => message.includes("sandboxed"))).toEqual([
      "builds are not sandboxed: the starter set's builders use this machine's own programs, which a sandbox hides",
    ]);
    expect((await first.exec("id", "-u", "-n")).trim()).toBe("firn");

    const [registry] = cloud.registries;
    if (registry === undefined) throw new Error("no registry was started");
    const reference = `localhost:${registry.port}/shell/jq`;
    await printed(docker("pull", reference));
    const run = ["run", "--rm", "--network", "none", reference];
    expect(await printed(docker(...run, "jq", "--version"))).toMatch(/^jq-1/);
    expect(await first.said()).not.toContainEqual(expect.stringContaining("downloading"));
    const { digest } = (await clientOf(registry).build("shell/jq")) ?? {};
    expect(digest).toMatch(/^sha256:/);

    const stopping = performance.now();
    await printed(docker("stop", "--time", "60", first.id));
    expect(performance.now() - stopping).toBeLessThan(10_000);
    expect(await first.exitCode()).toBe(0);

    const second = await startContainer(docker, image, env, mounted);
    await second.untilSaid(/^ready$/);
    expect(await second.said()).not.toContainEqual(expect.stringContaining("filled"));
    await printed(docker("pull", `localhost:${registry.port}/tree`));
    await printed(docker("kill", second.id));
  },
  buildMs,
);

test.skipIf(reason)(
  "a worker says whether builds are sandboxed, and does not start without where that is required",
  async () => {
    const usual = await startContainer(docker, image, idle());
    expect(await usual.untilSaid(/^builds are /)).toMatch(
      /^builds are not sandboxed: .*namespaces/,
    );
    expect(await usual.said()).not.toContainEqual(expect.stringContaining("filled"));
    await printed(docker("kill", usual.id));

    const refused = await startContainer(docker, image, { ...idle(), FIRN_SANDBOX: "required" });
    expect(await refused.exitCode()).toBe(1);
    expect((await refused.said()).at(-1)).toMatch(
      /^FIRN_SANDBOX is "required", and builds cannot be sandboxed: .*namespaces/,
    );

    const may = ["--privileged"];
    const required = { ...idle(), FIRN_SANDBOX: "required" };
    const sandboxed = await startContainer(docker, image, required, may);
    expect(await sandboxed.untilSaid(/^builds are /)).toBe("builds are sandboxed");
    expect((await sandboxed.exec("id", "-u")).trim()).toBe("65532");
    await printed(docker("kill", sandboxed.id));
  },
  buildMs,
);

test.skipIf(reason)("a process that nobody waits for leaves nothing behind", async () => {
  const worker = await startContainer(docker, image, idle());
  await worker.untilSaid(/^ready$/);
  await worker.exec("sh", "-c", "(sleep 0.2 &) ; exit 0");
  await worker.exec("sleep", "1");
  const states = await worker.exec("sh", "-c", "cat /proc/[0-9]*/stat | cut -d' ' -f 3");
  expect(states.split("\n")).not.toContain("Z");
  await printed(docker("kill", worker.id));
});

test.skipIf(reason)("the image says what it is, and has no caches in it", async () => {
  const [seen] = await printedJson<readonly [{ Config: Readonly<Record<string, unknown>> }]>(
    docker("image", "inspect", image),
  );
  expect(seen.Config).toMatchObject({
    User: "firn",
    StopSignal: "SIGTERM",
    Labels: { "org.opencontainers.image.title": "firn worker" },
  });
  const look = "ls -A /var/cache/apt/archives/*.deb /root/.npm /nix/var/cache /nix/var/tmp";
  const found = await docker(
    "run",
    "--rm",
    "--network",
    "none",
    "--entrypoint",
    "sh",
    image,
    "-c",
    look,
  );
  expect(found.stdout.replace("/nix/var/tmp:", "").trim()).toBe("");
});
