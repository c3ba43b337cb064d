import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../core/log.ts";
import { prepare, type Need } from "../support/prepare.ts";
import { prepareRelease } from "./release.ts";

// `npm run test:clients`: installs the clients and pulls with each of them.
const { values } = parseArgs({
  options: {
    // A release of Debian whose clients are used instead of this machine's.
    suite: { type: "string" },
    // Adds a build of 20 minutes.
    long: { type: "boolean", default: false },
  },
});

const without = (client: string) => `tests with ${client}`;
const needs: readonly Need[] = [
  { program: "nix-store", packages: ["nix-bin"], without: "test that builds something" },
  { program: "patchelf", packages: ["patchelf"], without: "tests of the starter set" },
  { program: "skopeo", packages: ["skopeo"], without: without("skopeo") },
  { program: "podman", packages: ["podman"], without: without("podman") },
  { program: "runc", packages: ["runc"], without: "containers" },
  { program: "buildah", packages: ["buildah"], without: without("buildah") },
  { program: "umoci", packages: ["umoci"], without: without("umoci") },
  { program: "dockerd", packages: ["docker.io"], without: without("docker") },
  { program: "docker", packages: ["docker.io", "docker-cli"], without: without("docker") },
  { program: "ctr", packages: ["containerd"], without: without("containerd") },
];

try {
  prepare(needs);
  const root = values.suite === undefined ? "/" : prepareRelease(values.suite);
  const vitest = join(import.meta.dirname, "../../node_modules/.bin/vitest");
  const project = [
    "--config",
    join(import.meta.dirname, "../vitest.config.ts"),
    "--project",
    "clients",
  ];
  const ended = spawnSync(vitest, ["run", ...project], {
    stdio: "inherit",
    env: { ...process.env, TEST_CLIENT_ROOT: root, TEST_CLIENT_LONG: String(values.long) },
  });
  process.exitCode = ended.status ?? 1;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
