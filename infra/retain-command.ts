import { parseArgs } from "node:util";
import { messageOf } from "../core/log.ts";
import { retainedText } from "../functions/retention-text.ts";
import type { Retained } from "../functions/retention.ts";

/**
 * Runs a command that removes what nobody pulls, or says with `--dry-run` what it would; Ctrl-C ends it at its next step.
 * What went wrong is said without a stack, and the process then ends with 1.
 */
export async function runRetain(
  usage: string,
  retain: (dry: boolean, signal: AbortSignal) => Promise<Retained>,
): Promise<void> {
  try {
    const { values } = parseArgs({
      options: { "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help === true) {
      process.stdout.write(`${usage}\n`);
      return;
    }
    const dry = values["dry-run"] === true;
    const interrupted = new AbortController();
    process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
    const lines = retainedText(await retain(dry, interrupted.signal), dry);
    process.stdout.write(`${lines.join("\n")}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
