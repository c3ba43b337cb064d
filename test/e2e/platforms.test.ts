import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startFirn } from "../support/firn.ts";
import { readImage, sha256 } from "../support/image.ts";
import { need } from "../support/need.ts";
import { checkDocument } from "../support/oci-schema.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { skopeo } from "../support/pull.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string; readonly variant?: string };
  }[];
}

const indexType = "application/vnd.oci.image.index.v1+json";
const foreign =
  process.arch === "arm64"
    ? ({ architecture: "amd64", system: "x86_64-linux" } as const)
    : ({ architecture: "arm64", system: "aarch64-linux" } as const);
const settings = { FIRN_PLATFORMS: "amd64,arm64" };

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});
beforeEach((context) => need(context, "nix-store", "skopeo"));

test("a tag is an index of both platforms, and each client takes its own", async () => {
  // The fixture's builders are shell scripts, which this machine runs where it is told that it may.
  const config = `sandbox = false; substituters =; extra-platforms = ${foreign.system}`;
  await using firn = await startFirn({
    packageSet: await writeUnbuiltPackageSet(folder.path),
    env: { ...settings, FIRN_NIX_CONFIG: config },
  });
  const source = `docker://${firn.host}/hello`;
  const insecure = "--src-tls-verify=false";
  const layout = join(folder.path, "both");
  const all = await skopeo("copy", "--all", insecure, source, `oci:${layout}:latest`);
  expect(all.exitCode, all.all).toBe(0);

  const raw = await skopeo("inspect", "--raw", "--tls-verify=false", source);
  checkDocument(indexType, raw.stdout);
  const { manifests } = JSON.parse(raw.stdout) as Index;
  expect(manifests.map(({ platform }) => platform)).toEqual([
    { architecture: "amd64", os: "linux" },
    { architecture: "arm64", os: "linux", variant: "v8" },
  ]);
  const blob = (digest: string) => readFile(join(layout, "blobs", digest.replace(":", "/")));
  for (const { digest, platform } of manifests) {
    const image = await readImage(await blob(digest), blob);
    expect(image.config.architecture).toBe(platform.architecture);
  }

  for (const { digest, platform } of manifests) {
    const one = join(folder.path, platform.architecture);
    const choice = ["--override-arch", platform.architecture];
    const copied = await skopeo(...choice, "copy", insecure, source, `oci:${one}:latest`);
    expect(copied.exitCode, copied.all).toBe(0);
    const manifest = await readFile(join(one, "blobs", digest.replace(":", "/")));
    expect(sha256(manifest)).toBe(digest);
  }
});

test("the platform that cannot be built is told in a warning, and the other one is served", async () => {
  await using firn = await startFirn({
    packageSet: await writeUnbuiltPackageSet(folder.path),
    env: settings,
  });
  const response = await firn.manifest("hello");
  const { manifests } = (await response.json()) as Index;
  expect(response.headers.get("content-type")).toBe(indexType);
  expect(manifests).toHaveLength(1);
  expect(response.headers.get("warning")).toMatch(
    `299 - "${foreign.architecture}: base-1.0 has to be built for ${foreign.system}, which this machine`,
  );
  const layout = join(folder.path, "own");
  const source = `docker://${firn.host}/hello`;
  const copied = await skopeo("copy", "--src-tls-verify=false", source, `oci:${layout}:latest`);
  expect(copied.exitCode, copied.all).toBe(0);
});
