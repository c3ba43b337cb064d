import type { Run } from "./run.ts";

/**
 * Why builds are out of this worker's reach: a Nix daemon makes them, which most installations have, and which Nix uses by
 * itself where the store is another user's. Undefined where Nix builds here.
 */
export async function buildsElsewhere(run: Run, signal: AbortSignal): Promise<string | undefined> {
  const args = ["--extra-experimental-features", "nix-command", "store", "ping"];
  const answered = await run({ file: "nix", args, signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (answered === undefined) return undefined; // builds will tell why it cannot be reached
  const url = /^Store URL: (\S+)/m.exec(`${answered.stdout}\n${answered.stderr}`)?.[1] ?? "";
  return /^(?:daemon$|unix:)/.test(url) ? "a Nix daemon builds, in places of its own" : undefined;
}
