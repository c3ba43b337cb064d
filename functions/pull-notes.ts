import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import { imageName, type Image } from "../core/image.ts";
import { selectRevision, type PackageSet } from "../core/package-set.ts";
import type { Clock, Pulls } from "../core/ports.ts";
import { messageOf, type Log } from "../core/log.ts";
import { until } from "./until.ts";

/** Notes which images are pulled by tags that move. In the steady state it writes nothing. */
export interface PullNotes {
  /** Never rejects, and takes no longer than an instant: an image is served whether its pull could be noted or not. */
  note(tag: string, image: Image): Promise<void>;
}

// Each process writes an image down once in this time; what is pulled lately is looked at over days.
const onceInMs = 60 * 60_000;
// What could not be written is tried again after this.
const againMs = 60_000;
// A store that answers does so in milliseconds.
const longestMs = 500;

export function createPullNotes(tools: {
  readonly packageSet: PackageSet;
  readonly pulls: Pulls;
  readonly now: Clock;
  readonly log: Log;
}): PullNotes {
  const { packageSet, pulls, now, log } = tools;
  const noted = new LRUCache<string, true>({ ...atMost(20_000), ttl: onceInMs });
  return {
    async note(tag, image) {
      const name = imageName(image);
      const what = `${tag} ${name}`;
      if (noted.has(what)) return;
      noted.set(what, true);
      const selection = selectRevision(packageSet, tag);
      if (selection.kind === "revision") return;
      const written = pulls.note(selection.pinId, name, now()).catch((error: unknown) => {
        noted.set(what, true, { ttl: againMs });
        log("WARNING", `could not note that ${name} was pulled: ${messageOf(error)}`);
      });
      await until(written, AbortSignal.timeout(longestMs));
    },
  };
}
