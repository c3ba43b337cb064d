import { messageOf } from "../core/log.ts";
import { CommandFailed, type Run } from "./run.ts";

/**
 * Whether builds are to be sandboxed. `auto`: where this machine can; `required`: nothing is built without, and the start
 * fails where it is impossible; `off`: never.
 */
export type SandboxRule = "auto" | "required" | "off";

export type Sandbox = { readonly state: "on" } | { readonly state: "off"; readonly reason: string };

export interface SandboxTools {
  readonly run: Run;
  readonly rule: SandboxRule;
  /** Lines of nix.conf that Nix needs here in any case. */
  readonly config: readonly string[];
  /** What Nix is configured to do, as it prints it. */
  readonly present: unknown;
}

/** Has Nix try a build in a sandbox. Throws where one is required and cannot be had, with Nix's own words. */
export async function findSandbox(tools: SandboxTools, signal: AbortSignal): Promise<Sandbox> {
  const reason = await whyNot(tools, signal);
  if (reason === undefined) return { state: "on" };
  if (tools.rule !== "required") return { state: "off", reason };
  throw new Error(
    `FIRN_SANDBOX is "required", and builds cannot be sandboxed: ${reason}. Allow user namespaces, or set it to auto`,
  );
}

async function whyNot(tools: SandboxTools, signal: AbortSignal): Promise<string | undefined> {
  if (tools.rule === "off") return "FIRN_SANDBOX is off";
  if (tools.present === false || tools.present === "false") return "Nix is set to sandbox = false";
  return await tryIt(tools, signal);
}

// Nix's own builder that makes a folder of links: the only kind of build that needs no program inside the sandbox.
const expression = `{ name }: derivation {
  inherit name;
  system = "builtin";
  builder = "builtin:buildenv";
  derivations = "";
  manifest = "/dev/null";
}`;

async function tryIt(
  { run, config }: SandboxTools,
  signal: AbortSignal,
): Promise<string | undefined> {
  // A new name each time, so that it is built and not found.
  const name = `firn-probe-${process.pid}-${Date.now()}`;
  const strict = ["substituters =", "sandbox = true", "sandbox-fallback = false"];
  try {
    await run({
      file: "nix-build",
      args: ["--no-out-link", "--expr", expression, "--argstr", "name", name],
      env: { NIX_CONFIG: [...config, ...strict].join("\n"), NIX_PATH: "" },
      timeoutMs: 30_000,
      signal,
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const said = error instanceof CommandFailed ? error.outcome.stderr : "";
    const last = [...said.matchAll(/^\s*error: (.+)$/gm)].at(-1)?.[1];
    return last ?? messageOf(error);
  }
}
