import { spawnSync } from "node:child_process";
import { isInstalled } from "./need.ts";

/** A program that tests or benchmarks need. */
export interface Need {
  readonly program: string;
  /** On Debian and Ubuntu. */
  readonly packages: readonly string[];
  /** What is skipped, or cannot be run, without it. */
  readonly without: string;
}

const testNeeds: readonly Need[] = [
  { program: "nix-store", packages: ["nix-bin"], without: "test that builds something" },
  { program: "igzip", packages: ["isal"], without: "tests of the fastest compressor" },
  { program: "patchelf", packages: ["patchelf"], without: "tests of the starter set" },
  {
    program: "qemu-aarch64-static",
    packages: ["qemu-user-static"],
    without: "tests that run programs of another architecture",
  },
  { program: "git", packages: ["git", "ca-certificates"], without: "tests of git package sets" },
  { program: "skopeo", packages: ["skopeo"], without: "tests with skopeo" },
  { program: "podman", packages: ["podman"], without: "tests with podman" },
  { program: "dockerd", packages: ["docker.io"], without: "tests with docker" },
  { program: "debootstrap", packages: ["debootstrap"], without: "test of the worker's image" },
  // A package of its own since Debian 13, before that a part of docker.io.
  { program: "docker", packages: ["docker.io", "docker-cli"], without: "tests with docker" },
];

function aptGet(...args: readonly string[]): boolean {
  console.log(`apt-get ${args.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const ended = spawnSync("apt-get", ["--quiet=2", ...args], { stdio: "inherit", env });
  return ended.status === 0;
}

/**
 * Installs the programs that this machine lacks, where that is possible (as root on Debian and Ubuntu); says what has
 * to be done without the others. Answers with those.
 */
export function prepare(needs: readonly Need[]): readonly Need[] {
  const missing = needs.filter(({ program }) => !isInstalled(program));
  if (missing.length === 0) return [];
  console.log(`programs that are missing: ${missing.map(({ program }) => program).join(", ")}`);
  if (process.getuid?.() === 0 && isInstalled("apt-get")) install(missing);
  const absent = needs.filter(({ program }) => !isInstalled(program));
  for (const { program, without } of absent) console.log(`without ${program}: no ${without}`);
  return absent;
}

function install(missing: readonly Need[]): void {
  const wanted = new Set(missing.flatMap(({ packages }) => packages));
  const installed = () => {
    if (spawnSync("apt-cache", ["show", "docker-cli"]).status !== 0) wanted.delete("docker-cli");
    return aptGet("install", "--yes", "--no-install-recommends", ...wanted);
  };
  // Lists that are some weeks old, or missing, name nothing that can be fetched.
  if (installed()) return;
  aptGet("update");
  for (const { packages } of missing) for (const name of packages) wanted.add(name);
  installed();
}

// Run by `npm test` before the tests.
if (import.meta.main) prepare(testNeeds);
