import { createInterface } from "node:readline/promises";
import { messageOf } from "../../core/log.ts";

/** What an operator's command has of the world. */
export interface Terminal {
  readonly say: (line: string) => void;
  readonly ask: (question: string) => Promise<string>;
  /** What gcloud and docker inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Makes the folder that functions are deployed from. */
  readonly bundle: (folder: string) => Promise<void>;
}

/** The command line is wrong, or asks for help; the message is all there is to say. */
export class Usage extends Error {
  override readonly name = "Usage";
  readonly wrong: boolean;

  constructor(message: string, wrong: boolean) {
    super(message);
    this.wrong = wrong;
  }
}

/**
 * Runs one of the operator's commands to its end. Ctrl-C stops it, and gcloud with it; what went wrong is said without a
 * stack. `main` answers with the exit code.
 */
export async function runProgram(
  environment: Readonly<Record<string, string | undefined>>,
  main: (args: readonly string[], terminal: Terminal) => Promise<number>,
): Promise<number> {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("stopped; running it again goes on")));
  const given = Object.entries(environment).filter(([, value]) => value !== undefined);
  try {
    return await main(process.argv.slice(2), {
      say: (line) => process.stdout.write(`${line}\n`),
      environment: Object.fromEntries(given) as Readonly<Record<string, string>>, // what is undefined was left out
      signal: interrupted.signal,
      ask: (question) => answerTo(question, interrupted.signal),
      // Not imported above: only a deployment bundles, and esbuild takes its time to load.
      bundle: async (folder) => await (await import("./bundle.ts")).bundleFunctions(folder),
    });
  } catch (error) {
    const usage = error instanceof Usage ? error : undefined;
    const out = usage?.wrong === false ? process.stdout : process.stderr;
    out.write(`${messageOf(error)}\n`);
    return usage === undefined ? 1 : usage.wrong ? 2 : 0;
  }
}

async function answerTo(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(question, { signal });
  } finally {
    terminal.close();
  }
}
