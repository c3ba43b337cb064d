import type { Digest } from "../core/digest.ts";
import { needsOf } from "../core/retention.ts";
import type { BuildCache, Clock, Pins, Plans, StoredManifests } from "../core/ports.ts";

export interface MarkTools {
  readonly manifests: StoredManifests;
  readonly cache: Pick<BuildCache, "manifest" | "use">;
  readonly pins: Pick<Pins, "list">;
  readonly plans: Pick<Plans, "learned" | "decisions">;
  readonly now: Clock;
}

/** What is there, by who needs it. Whatever is in one of the sets of blobs must not go. */
export interface Marks {
  /** Blobs that a manifest which stays, or a layer plan, needs. */
  readonly needed: ReadonlySet<Digest>;
  /** Blobs that nothing but manifests that are about to go needs. */
  readonly leaving: ReadonlySet<Digest>;
  /** Manifests that nobody pulled since then, and that no other needs. */
  readonly expired: readonly Expired[];
  /** How many manifests stay. */
  readonly kept: number;
}

export interface Expired {
  readonly digest: Digest;
  readonly needs: ReturnType<typeof needsOf>;
}

const pageSize = 200;

/**
 * Reads all there is: what is marked is all that a manifest names which is there from the beginning to the end. Rejects
 * where anything cannot be read, or the signal aborts: of what is not known nothing may be removed.
 */
export async function mark(
  tools: MarkTools,
  { usedBefore, dry }: { readonly usedBefore: number; readonly dry: boolean },
  signal: AbortSignal,
): Promise<Marks> {
  const needed = new Set<Digest>(await plansInUse(tools));
  const leaving = new Set<Digest>();
  const old: Digest[] = [];
  const subjects = new Map<Digest, Digest>();
  const all = new Set<Digest>();
  const ofIndexes = new Set<Digest>();

  for await (const manifest of everyManifest(tools.manifests, signal)) {
    const needs = needsOf(manifest);
    all.add(manifest.digest);
    for (const each of needs.manifests) ofIndexes.add(each);
    if (needs.subject !== undefined) subjects.set(manifest.digest, needs.subject);
    // One that was stored before anybody noted this counts as pulled when that is found out.
    const isNew = manifest.usedAt === undefined && !dry;
    if (isNew) await tools.cache.use([manifest.digest], tools.now());
    if (manifest.usedAt !== undefined && manifest.usedAt < usedBefore) old.push(manifest.digest);
    else for (const { digest } of needs.blobs) needed.add(digest);
  }

  const isNeeded = (digest: Digest) => {
    const subject = subjects.get(digest);
    return ofIndexes.has(digest) || (subject !== undefined && all.has(subject));
  };
  const expired: Expired[] = [];
  for (const digest of old) {
    signal.throwIfAborted();
    const manifest = await tools.cache.manifest(digest);
    // Another sweep was quicker, and has held its blobs.
    if (manifest === undefined) continue;
    const needs = needsOf(manifest);
    const stays = isNeeded(digest);
    for (const blob of needs.blobs) (stays ? needed : leaving).add(blob.digest);
    if (!stays) expired.push({ digest, needs });
  }
  for (const digest of needed) leaving.delete(digest);
  return { needed, leaving, expired, kept: all.size - expired.length };
}

async function* everyManifest(manifests: StoredManifests, signal: AbortSignal) {
  let after: Digest | undefined;
  for (;;) {
    signal.throwIfAborted();
    const page = await manifests.list(after, pageSize);
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.digest;
  }
}

/** The revisions at which tags stand, stood before, or are about to. */
export async function standingRevisions(
  pins: Pick<Pins, "list">,
): Promise<ReadonlySet<string | undefined>> {
  const records = (await pins.list()).map(({ record }) => record);
  return new Set(
    records.flatMap(({ current, next, previous }) => [current?.revision, next?.revision, previous]),
  );
}

/** Layer plans that builds may ask for: of where tags stand, of revisions by their own name, and the next ones. */
async function plansInUse({ pins, plans }: MarkTools): Promise<readonly Digest[]> {
  const standing = (await pins.list()).flatMap(({ record: { current, next } }) => [
    current?.plans,
    next?.plans,
  ]);
  const decided = (await plans.decisions()).map(({ pin }) => pin.plans);
  const named = [...standing, ...decided].flatMap((each) => [each?.amd64, each?.arm64]);
  return [...named.filter((each) => each !== undefined), ...(await plans.learned())];
}
