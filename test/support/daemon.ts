import { eventually } from "./eventually.ts";
import type { Space } from "./space.ts";

const startMs = 60_000;

/** Starts a daemon in a space and waits until it answers; throws with its last words where it ends instead. */
export async function startDaemon(
  space: Space,
  file: string,
  args: readonly string[],
  answers: () => Promise<boolean>,
): Promise<void> {
  const child = space.spawn(file, args);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  let isOver = false;
  child.once("close", () => (isOver = true));
  try {
    const probe = async () => {
      if (isOver) throw new Error(`${file} ended`);
      return await answers();
    };
    await eventually(`${file} answers`, probe, startMs);
  } catch (cause) {
    const last = said.trim().split("\n").slice(-3).join("; ");
    throw new Error(`${file} cannot run here: ${last}`, { cause });
  }
}
