import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Firn } from "./firn.ts";
import { readImage, sha256, type Image } from "./image.ts";
import { program, type Ended } from "./program.ts";

/** A registry that can be pulled from, wherever it runs. */
export type PullSource = Pick<Firn, "fetch" | "manifest" | "host">;

/** Pulls by hand and checks all of it. */
export async function pull(
  firn: PullSource,
  name: string,
  reference = "latest",
): Promise<Image & { readonly digest: string }> {
  const response = await firn.manifest(name, reference);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(response.status, Buffer.from(bytes).toString()).toBe(200);
  const digest = sha256(bytes);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  const image = await readImage(bytes, async (blob) => {
    const answer = await firn.fetch(`/v2/${name}/blobs/${blob}`);
    expect(answer.status).toBe(200);
    return new Uint8Array(await answer.arrayBuffer());
  });
  return { ...image, digest };
}

/** The digest of an image's manifest. */
export async function digestOf(
  firn: PullSource,
  name: string,
  reference = "latest",
): Promise<string> {
  const response = await firn.manifest(name, reference);
  expect(response.status, await response.clone().text()).toBe(200);
  return sha256(new Uint8Array(await response.arrayBuffer()));
}

/** The message of an answer that is an error in the form of the specification. */
export async function problemOf(
  response: Response,
): Promise<{ readonly status: number; readonly code: string; readonly message: string }> {
  const text = await response.text();
  expect(response.headers.get("content-type"), text).toBe("application/json");
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
  expect(errors).toHaveLength(1);
  const [error = { code: "", message: "" }] = errors;
  return { status: response.status, ...error };
}

/** `skopeo copy` from the registry into an OCI layout. */
export async function skopeoCopy(firn: PullSource, image: string, layout: string): Promise<Ended> {
  const from = ["--src-tls-verify=false", `docker://${firn.host}/${image}`];
  return await skopeo("copy", ...from, `oci:${layout}:latest`);
}

export async function skopeo(...args: readonly string[]): Promise<Ended> {
  return await program("skopeo", ["--insecure-policy", ...args], { mayFail: true });
}

/** Reads the one image of an OCI layout, and checks all of it. */
export async function readLayout(layout: string): Promise<Image & { readonly digest: string }> {
  const blobs = async (digest: string) =>
    await readFile(join(layout, "blobs", digest.replace(":", "/")));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    manifests: { digest: string }[];
  };
  expect(index.manifests).toHaveLength(1);
  const digest = index.manifests[0]?.digest ?? "";
  const manifest = await blobs(digest);
  expect(sha256(manifest)).toBe(digest);
  return { ...(await readImage(manifest, blobs)), digest };
}

/** The digests by which an image may be known here: what its tag leads to and, where that is an index, this platform's. */
export async function digestsOf(firn: PullSource, name: string): Promise<readonly string[]> {
  const { digest, manifest } = await manifestOf(firn, name);
  return digest === manifest ? [digest] : [digest, manifest];
}

/** The digests by which a client knows an image and it is known here; none where it is another one. */
export async function sharedDigests(
  firn: PullSource,
  name: string,
  client: { readonly digests: readonly string[] },
): Promise<readonly string[]> {
  const here = await digestsOf(firn, name);
  return client.digests.filter((digest) => here.includes(digest));
}

/** The digests of the layers of an image. */
export async function layersOf(firn: PullSource, name: string): Promise<readonly string[]> {
  const { manifest } = await manifestOf(firn, name);
  const response = await firn.manifest(name, manifest);
  const { layers } = (await response.json()) as { layers: { digest: string }[] };
  return layers.map(({ digest }) => digest);
}

async function manifestOf(firn: PullSource, name: string) {
  const digest = await digestOf(firn, name);
  const response = await firn.manifest(name, digest);
  const { manifests } = (await response.json()) as {
    manifests?: { digest: string; platform?: { architecture: string } }[];
  };
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const own = manifests?.find(({ platform }) => platform?.architecture === architecture);
  return { digest, manifest: own?.digest ?? digest };
}
