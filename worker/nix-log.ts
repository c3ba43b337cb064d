import type { RealiseProgress } from "../core/ports.ts";
import { boundedText, plainText } from "./plain-text.ts";

/** Reads what Nix says in its `internal-json` log format, line by line, and keeps what firn tells people. */
export interface NixLog {
  readonly line: (text: string) => void;
  /** The error messages so far, without colours. */
  readonly errors: readonly string[];
  /** The last warnings: they say why Nix does not take what a binary cache has. */
  readonly warnings: readonly string[];
  /** The names of what is being built, or was when it all ended. */
  building(): readonly string[];
  /** The last lines of the build that failed, or of the one that spoke last. */
  tail(): readonly string[];
}

// Nix's ActivityType and ResultType [src/libutil/logging.hh]; the same numbers since Nix 2.0.
const activity = { copyPath: 100, copyPaths: 103, builds: 104, build: 105, substitute: 108 };
const result = { buildLogLine: 101, progress: 105 };
const tailLines = 30;
const warningsKept = 3;
const lineLength = 500;

interface Message {
  readonly action?: unknown;
  readonly id?: unknown;
  readonly type?: unknown;
  readonly level?: unknown;
  readonly text?: unknown;
  readonly msg?: unknown;
  readonly raw_msg?: unknown;
  readonly fields?: readonly unknown[];
}

export function createNixLog(onProgress: (progress: RealiseProgress) => void): NixLog {
  const errors: string[] = [];
  const warnings: string[] = [];
  const counted = new Map<unknown, { done: number; total: number }>();
  const logs = new Map<unknown, { derivation: string; lines: string[] }>();
  const underWay = new Set<unknown>();
  let endedLast: unknown;
  let spokeLast: unknown;
  let message = "asking Nix";

  function say(): void {
    let done = 0;
    let total = 0;
    for (const count of counted.values()) {
      done += count.done;
      total += count.total;
    }
    onProgress({ done, total, message });
  }

  function start({ id, type, text, fields }: Message): void {
    if (type === activity.builds || type === activity.copyPaths) {
      counted.set(id, { done: 0, total: 0 });
    }
    if (type === activity.build) {
      logs.set(id, { derivation: String(fields?.[0]), lines: [] });
      underWay.add(id);
    }
    if (type === activity.build || type === activity.substitute || type === activity.copyPath) {
      message = shorten(String(text));
      say();
    }
  }

  function take({ id, type, fields }: Message): void {
    if (type === result.progress && counted.has(id)) {
      counted.set(id, { done: Number(fields?.[0]), total: Number(fields?.[1]) });
      say();
    }
    if (type !== result.buildLogLine) return;
    const lines = logs.get(id)?.lines;
    lines?.push(boundedLine(plainText(String(fields?.[0]))));
    if (lines !== undefined && lines.length > tailLines) lines.shift();
    spokeLast = id;
  }

  function keepWarning(text: string): void {
    warnings.push(boundedLine(plainText(text).replace(/^warning:\s*/, "")));
    if (warnings.length > warningsKept) warnings.shift();
  }

  return {
    errors,
    warnings,
    line(text) {
      const read = parse(text);
      if (read === undefined) return;
      if (read.action === "start") start(read);
      if (read.action === "result") take(read);
      if (read.action === "msg" && read.level === 1) keepWarning(String(read.raw_msg ?? read.msg));
      if (read.action === "stop" && underWay.delete(read.id)) endedLast = read.id;
      if (read.action === "msg" && read.level === 0) {
        errors.push(plainText(String(read.raw_msg ?? read.msg)).replace(/^error:\s*/, ""));
      }
    },
    building() {
      const ids = underWay.size > 0 ? [...underWay] : [endedLast];
      const named = ids.flatMap((id) => logs.get(id)?.derivation ?? []);
      return named.map(derivationName);
    },
    tail() {
      const all = [...logs.values()];
      const failed = all.find(({ derivation }) =>
        errors.some((error) => error.includes(`builder for '${derivation}' failed`)),
      );
      return (failed ?? logs.get(spokeLast))?.lines ?? [];
    },
  };
}

function parse(line: string): Message | undefined {
  if (!line.startsWith("@nix ")) return undefined;
  try {
    return JSON.parse(line.slice("@nix ".length)) as Message; // every field is checked where it is used
  } catch {
    // A line that was cut, or a builder that imitates Nix: it is only for show.
    return undefined;
  }
}

// Well formed again after the cut, which may go through a character.
function boundedLine(line: string): string {
  if (line.length <= lineLength) return line;
  return plainText(`${line.slice(0, lineLength)}... (${line.length - lineLength} more)`);
}

/** `building '/nix/store/<hash>-git-2.51.drv'` -> `building git-2.51`. */
function shorten(text: string): string {
  return boundedText(text, lineLength)
    .replace(/'?\/nix\/store\/[0-9a-z]{32}-([^' ]+?)(?:\.drv)?'?(?= |$)/g, "$1")
    .replace(/ from '.*'$/, "");
}

/** `/nix/store/<hash>-git-2.51.drv` -> `git-2.51`. */
export function derivationName(path: string): string {
  return path.replace(/^.*\/[0-9a-z]{32}-|\.drv$/g, "");
}
