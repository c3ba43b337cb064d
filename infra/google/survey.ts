import pLimit from "p-limit";
import { messageOf } from "../../core/log.ts";
import { keyOf, type Live, type Properties, type Reading } from "./resource.ts";
import type { Tools } from "./tools.ts";

export interface Survey {
  readonly live: Live;
  /** What could not be read, and why; as long as there is any, `live` may lack something. */
  readonly unread: readonly string[];
}

// Each is a process of a second or two.
const atOnce = 4;

/**
 * Looks at what is there. It begins with the APIs, since others are asked only where theirs is enabled, and goes on
 * to the parts of what it has found, such as who may do what with a topic.
 */
export async function survey(readings: readonly Reading[], tools: Tools): Promise<Survey> {
  const live = new Map<string, Properties>();
  const unread: string[] = [];
  const limit = pLimit(atOnce);

  async function read({ args, read: understand }: Reading): Promise<void> {
    try {
      const answer = await tools.ask(args);
      if (answer === undefined) return;
      for (const found of understand(answer)) live.set(keyOf(found), found.live);
    } catch (error) {
      unread.push(`gcloud ${args.join(" ")}: ${messageOf(error)}`);
    }
  }

  const readAll = async (some: readonly Reading[]) => {
    await Promise.all(some.map((each) => limit(read, each)));
  };
  await readAll(readings.filter(({ api }) => api === ""));
  const enabled = enabledIn(live);
  const asked = readings.filter(({ api }) => enabled.has(api));
  await readAll(asked.filter(({ of }) => of === undefined));
  await readAll(asked.filter(({ of }) => of !== undefined && live.has(keyOf(of))));
  return { live, unread };
}

function enabledIn(live: Live): ReadonlySet<string> {
  const enabled = live.get("APIs of Google")?.["enabled"];
  return new Set(Array.isArray(enabled) ? enabled.map(String) : []);
}
