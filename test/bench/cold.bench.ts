import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { startFirn, type Firn } from "../support/firn.ts";
import { compare, target } from "./rounds.ts";

// How long does a pull of an image nobody made before take, when all it needs is in the Nix store already?
// Opponent: `tar | gzip` of the same store paths, into nothing: no evaluation, no hashes, no manifest.

const packageSet = "starter";
const image = "shell/git/curl/python3";
const opponent = "tar | gzip -6";

async function pull(firn: Firn): Promise<number> {
  const start = performance.now();
  const response = await firn.manifest(image);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`the pull of ${image} failed: ${text}`);
  return performance.now() - start;
}

/** The store paths of the image, from the layers' own listing: what the opponent packs. */
async function pathsOf(firn: Firn): Promise<readonly string[]> {
  const { layers } = (await (await firn.manifest(image)).json()) as {
    layers: { digest: string }[];
  };
  const paths = new Set<string>();
  for (const { digest } of layers.slice(0, -1)) {
    const blob = await firn.fetch(`/v2/${image}/blobs/${digest}`);
    const listing = await shell("tar -tz", Buffer.from(await blob.arrayBuffer()));
    for (const [path] of listing.matchAll(/nix\/store\/[0-9a-z]{32}-[^/\n]+/g))
      paths.add(`/${path}`);
  }
  return [...paths];
}

async function shell(command: string, input: Buffer = Buffer.alloc(0)): Promise<string> {
  const child = spawn("sh", ["-c", command], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.end(input);
  await once(child, "close");
  return output;
}

await using warmUp = await startFirn({ packageSet });
await pull(warmUp);
const paths = await pathsOf(warmUp);
await warmUp.stop();
console.log(`  ${image}: ${paths.length} store paths`);

const medians = await compare("ms", 5, {
  firn: async () => {
    await using firn = await startFirn({ packageSet });
    return await pull(firn);
  },
  [opponent]: async () => {
    const start = performance.now();
    await shell(`tar -cf - ${paths.join(" ")} 2>/dev/null | gzip -6 > /dev/null`);
    return performance.now() - start;
  },
});
const over = (medians["firn"] ?? 0) - (medians[opponent] ?? 0);
target(`at most 250 ms more than ${opponent} (it was ${over.toFixed(0)} ms)`, over <= 250);

// The same where every layer is there already: what is left is evaluating, asking Nix, and the documents.
await using firn = await startFirn({ packageSet });
await pull(firn);
const names = [
  "git/curl/python3/shell",
  "shell/curl/git/python3/hello",
  "git/curl/hello",
  "shell/git",
  "curl/python3",
];
let i = 0;
await compare("ms", names.length, {
  "firn, most layers there": async () => {
    const start = performance.now();
    const response = await firn.manifest(names[i++] ?? image);
    await response.text();
    return performance.now() - start;
  },
});
