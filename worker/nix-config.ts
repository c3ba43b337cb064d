import { readFile } from "node:fs/promises";
import type { FromSource } from "../core/build-policy.ts";
import { withoutCredentials } from "../core/credentials.ts";
import { messageOf, type Log } from "../core/log.ts";
import type { Run } from "./run.ts";
import { findSandbox, type Sandbox, type SandboxRule } from "./sandbox.ts";

export interface NixConfigTools {
  readonly run: Run;
  readonly log: Log;
  readonly isRoot: boolean;
  /** Whether a proxy is configured, which the probe of the substituters could not use. */
  readonly hasProxy: boolean;
  /** Lines of nix.conf from the settings; they win over what is found out here, but for caches that do not answer. */
  readonly further: readonly string[];
  readonly rule: SandboxRule;
  /** Whether anything may be built at all; it may, if not said. */
  readonly fromSource?: FromSource;
}

export interface NixConfig {
  /**
   * Gives the lines. The builders of the starter set use the machine's own programs, which no sandbox would let them:
   * `needsHost` says so.
   */
  readonly lines: (needsHost: boolean) => Promise<string>;
  /** Whether builds are sandboxed that do not need the host. */
  readonly sandbox: Sandbox;
  /** Binary caches that Nix is set to use and that did not answer when they were last asked. */
  readonly silent: () => readonly string[];
  /** Why builds need this machine's own network; undefined where HTTP through a proxy is all that Nix has to do there. */
  readonly needsNetwork: string | undefined;
  /** `host:port` of the binary caches. */
  readonly caches: ReadonlySet<string>;
}

// Evaluating must not build either, here or elsewhere; realising fetches store paths alone (worker/realise-allowed.ts).
const nothingBuilt = ["max-jobs = 0", "builders ="];
const probeMs = 4000;
const probeAgainMs = 60_000;

/**
 * Finds out what Nix can do on this machine, and gives the lines of nix.conf that make it work: without build users
 * where there are none, without a sandbox where that is impossible and none is required, and without substituters while
 * none answers, since each call would wait seconds for a name that does not resolve.
 */
export async function createNixConfig(
  tools: NixConfigTools,
  signal: AbortSignal,
): Promise<NixConfig> {
  const { log } = tools;
  // What a commit holds does not change: once fetched, its tarball is never asked for again.
  const lines = ["tarball-ttl = 4294967295"];
  const present = await presentConfig(tools, signal);
  if (tools.isRoot && !(await hasBuildUsers())) lines.push("build-users-group =");
  const probing = { ...tools, config: [...lines, ...tools.further], present: present["sandbox"] };
  const sandbox = await findSandbox(probing, signal);

  const configured = present["substituters"];
  const substituters = (Array.isArray(configured) ? configured : []).map(String);
  let answering = await probe(substituters, tools.hasProxy, signal);
  let probedAt = performance.now();
  const said = substituters.length > 0 && answering.length === 0;
  const isNever = tools.fromSource === "never";
  const then = isNever ? "cannot be had" : "is built here";
  if (said) log("INFO", `no binary cache answers: what is not in the store ${then}`);

  async function probeAgain(): Promise<void> {
    probedAt = performance.now();
    answering = await probe(substituters, tools.hasProxy, signal);
    if (answering.length > 0) log("INFO", `binary caches answer again: ${answering.join(", ")}`);
  }

  async function currentLines(needsHost: boolean): Promise<string> {
    const isMissing = answering.length < substituters.length;
    if (isMissing && performance.now() - probedAt > probeAgainMs) {
      // Not waited for: the calls of this minute do without.
      probeAgain().catch((error: unknown) => {
        if (!signal.aborted) log("WARNING", `probing failed: ${messageOf(error)}`);
      });
    }
    const reachable = isMissing ? [`substituters = ${answering.join(" ")}`] : [];
    const without = needsHost || sandbox.state === "off" ? ["sandbox = false"] : [];
    // Nix itself would build without, where namespaces run out.
    const only = tools.rule === "required" ? ["sandbox = true", "sandbox-fallback = false"] : [];
    const built = isNever ? nothingBuilt : [];
    return [...lines, ...without, ...tools.further, ...only, ...built, ...reachable].join("\n");
  }

  const silent = () => substituters.filter((each) => !answering.includes(each));
  return {
    lines: currentLines,
    sandbox,
    silent,
    needsNetwork: await needsNetwork(tools, present, substituters),
    caches: new Set(substituters.flatMap(placeOf)),
  };
}

async function needsNetwork(
  { hasProxy }: NixConfigTools,
  present: NixSettings,
  substituters: readonly string[],
): Promise<string | undefined> {
  if (hasProxy) return "the network is reached through a proxy";
  const odd = substituters.find((url) => !/^(?:https?|file):|^\//.test(url));
  if (odd !== undefined)
    return `the binary cache ${withoutCredentials(odd)} is not reached by HTTP`;
  const { builders: value } = present;
  const configured = typeof value === "string" ? value.trim() : "";
  const file = /^@(.*)$/.exec(configured)?.[1];
  const builders = file === undefined ? configured : await readFile(file, "utf8").catch(() => "");
  if (builders.trim() !== "") return "Nix is set to build on other machines";
  return undefined;
}

function placeOf(url: string): readonly string[] {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return [];
  return [`${parsed.hostname}:${parsed.port || (parsed.protocol === "https:" ? "443" : "80")}`];
}

type NixSettings = Readonly<Record<string, unknown>>;

async function presentConfig(tools: NixConfigTools, signal: AbortSignal): Promise<NixSettings> {
  const { stdout } = await tools.run({
    file: "nix",
    args: ["--extra-experimental-features", "nix-command", "show-config", "--json"],
    env: { NIX_CONFIG: tools.further.join("\n") },
    signal,
  });
  const parsed = JSON.parse(stdout) as Readonly<Record<string, { readonly value: unknown }>>;
  return Object.fromEntries(Object.entries(parsed).map(([name, { value }]) => [name, value]));
}

async function hasBuildUsers(): Promise<boolean> {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  return /^nixbld:[^:]*:\d+:.+$/m.test(groups);
}

/** The substituters that answer; those that are not reached by HTTP are taken to. */
async function probe(
  substituters: readonly string[],
  hasProxy: boolean,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(probeMs)]);
  const answers = await Promise.all(
    substituters.map(async (url) => {
      if (hasProxy || !/^https?:/.test(url)) return true;
      const info = new URL("nix-cache-info", url.endsWith("/") ? url : `${url}/`);
      const answered = fetch(info, { signal: patience });
      return await answered.then(
        (response) => response.ok,
        () => false, // not reached, for whatever reason
      );
    }),
  );
  signal.throwIfAborted();
  return substituters.filter((_, i) => answers[i]);
}
