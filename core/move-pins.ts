import { buildKey, type ImageOptions } from "./build-key.ts";
import { parseImage } from "./image.ts";
import { planned } from "./layer-plans.ts";
import { packageSetOfPin } from "./package-set.ts";
import type { Clock, PinRecord, Pins, Pulls } from "./ports.ts";
import { isSettled, type BuildRequest } from "./record.ts";
import { requestBuild, type RequestTools } from "./request-build.ts";

export interface MoveTools extends RequestTools {
  readonly pins: Pins;
  readonly pulls: Pulls;
  readonly options: ImageOptions;
  /** How many of the images pulled lately are built before a tag moves. */
  readonly images: number;
  readonly now: Clock;
}

const latelyMs = 7 * 24 * 60 * 60_000;
// What takes longer than this is built when it is pulled: a tag must not stand still for one image.
const longestMs = 30 * 60_000;

/**
 * Moves the pins whose next revision is known: has the images pulled lately built there, and makes it the current one
 * when all of them are settled. Can be called at any time, by anyone, and at once.
 */
export async function movePins(tools: MoveTools): Promise<void> {
  for (const { id, record } of await tools.pins.list()) {
    if (record.next !== undefined) await move(tools, id, record, record.next);
  }
}

async function move(
  tools: MoveTools,
  id: string,
  record: PinRecord,
  next: NonNullable<PinRecord["next"]>,
): Promise<void> {
  const { pins, pulls, log, now } = tools;
  const names = await pulls.recent(id, now() - latelyMs, tools.images);
  const pin = planned({ packageSet: packageSetOfPin(id), revision: next.revision }, next.plans);
  const settled = await Promise.all(
    names.map(async (name) => {
      // The name says its platform, so which one stands for names that do not is all the same.
      const image = parseImage(name, "amd64");
      return await isBuilt(tools, { key: buildKey(image, pin, tools.options), image, pin });
    }),
  );
  const missing = settled.filter((isThere) => !isThere).length;
  if (missing > 0 && now() - next.since < longestMs) return;
  const { version, next: _next, current, ...kept } = record;
  const { since: _since, ...standing } = next;
  const moved = {
    ...kept,
    current: { ...standing, resolvedAt: now() },
    ...(current === undefined ? {} : { previous: current.revision }),
  };
  if (!(await pins.replace(id, version, moved))) return;
  log("INFO", `the package set moved to ${next.revision}`, {
    from: current?.revision,
    prebuilt: names.length - missing,
    missing,
  });
}

/** Whether a build has settled, either way; starts it where nobody has. */
async function isBuilt(tools: MoveTools, request: BuildRequest): Promise<boolean> {
  const present = await tools.cache.read(request.key);
  if (present !== undefined) return isSettled(present);
  const { record } = await requestBuild(tools, request, "prebuild", "moved-tag");
  return isSettled(record);
}
