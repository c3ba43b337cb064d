import type { BuildKey } from "../build-key.ts";
import { digestOf, parseDigest, type Digest } from "../digest.ts";
import type { BuildCache, Clock, Lease } from "../ports.ts";
import {
  afterClaim,
  afterRelease,
  afterRequest,
  afterSettling,
  afterSpoiling,
  isSettled,
} from "../record.ts";
import type { BuildRecord, StoredManifest } from "../record.ts";
import { createChanges } from "./changes.ts";
import type { Database, Row } from "./database.ts";

/** `BuildCache` in SQLite, for one process. */
export function createLocalBuildCache(database: Database, now: Clock): BuildCache {
  const changes = createChanges();

  function read(key: BuildKey): BuildRecord | undefined {
    const row = database.get("select record, manifest from images where key = ?", key);
    return row === undefined ? undefined : recordOf(row);
  }

  function recordOf(row: Row): BuildRecord {
    const record = JSON.parse(String(row["record"])) as BuildRecord; // written by `write` below
    if (record.state !== "ready") return record;
    const manifest = manifestOf(String(row["manifest"]));
    if (manifest === undefined) throw new Error(`the manifest of build ${record.key} is missing`);
    return { ...record, manifest };
  }

  function manifestOf(digest: string): StoredManifest | undefined {
    const row = database.get("select media_type, bytes from manifests where digest = ?", digest);
    const checked = parseDigest(digest);
    if (row === undefined || checked === undefined) return undefined;
    const bytes = row["bytes"] as Uint8Array; // the column is a blob
    if (digestOf(bytes) !== checked) throw new Error(`the manifest ${digest} is damaged`);
    return { digest: checked, mediaType: String(row["media_type"]), bytes };
  }

  function keep({ digest, mediaType, bytes }: StoredManifest): void {
    database.run(
      `insert into manifests values (?, ?, ?, ?)
       on conflict (digest) do update set used_at = max(coalesce(used_at, 0), excluded.used_at)`,
      digest,
      mediaType,
      bytes,
      now(),
    );
  }

  /** Whether there is such a manifest. */
  function use(digest: Digest, at: number): boolean {
    const used = "update manifests set used_at = max(coalesce(used_at, 0), ?) where digest = ?";
    return database.run(used, at, digest) > 0;
  }

  function write(record: BuildRecord): void {
    const manifest = record.state === "ready" ? record.manifest : undefined;
    if (manifest !== undefined) keep(manifest);
    database.run(
      `insert into images values (?1, ?2, ?3, 0, ?4, ?4)
       on conflict (key) do update set record = ?2, manifest = ?3, changed_at = ?4`,
      record.key,
      JSON.stringify({ ...record, manifest: undefined }),
      manifest?.digest ?? null,
      now(),
    );
  }

  /** Runs `work` on the present record if there is one, all in one transaction; watchers hear of it afterwards. */
  function change<T>(key: BuildKey, work: (present: BuildRecord | undefined) => T): T {
    const result = database.transaction(() => work(read(key)));
    changes.say(key);
    return result;
  }

  function holds(lease: Lease): boolean {
    const row = database.get("select owner, epoch from leases where key = ?", lease.key);
    return row?.["owner"] === lease.owner && row["epoch"] === lease.epoch;
  }

  function isAlive(key: BuildKey): boolean {
    const row = database.get("select expires_at from leases where key = ?", key);
    return Number(row?.["expires_at"] ?? 0) > now();
  }

  /** Writes what `next` makes of the record, unless the lease was lost. */
  function asOwner(lease: Lease, next: (present: BuildRecord) => BuildRecord): boolean {
    return change(lease.key, (present) => {
      if (present === undefined || !holds(lease)) return false;
      write(next(present));
      return true;
    });
  }

  function publishedNow(key: BuildKey): void {
    const counted = "update images set published_at = ?, published = published + 1 where key = ?";
    database.run(counted, now(), key);
  }

  function isNeglected(record: BuildRecord | undefined, afterMs: number): boolean {
    if (record === undefined || isSettled(record) || isAlive(record.key)) return false;
    const row = database.get("select published_at from images where key = ?", record.key);
    return Number(row?.["published_at"]) + afterMs <= now();
  }

  // Kept when a lease ends, so that the next owner counts on from it: an epoch is never used twice.
  function endLease(lease: Lease): void {
    database.run("update leases set expires_at = 0, owner = '' where key = ?", lease.key);
  }

  return {
    read: async (key) => read(key),
    request: async (request, lane) =>
      change(request.key, (present) => {
        const requested = afterRequest(present, request, lane, now());
        if (requested.outcome === "joined") return requested;
        write(requested.record);
        if (requested.outcome === "created") {
          database.run("update images set published = 0 where key = ?", request.key);
        }
        publishedNow(request.key);
        return requested;
      }),
    withdraw: async (key) => {
      change(key, (present) => {
        if (present?.state === "queued") database.run("delete from images where key = ?", key);
      });
    },
    republish: async (key, afterMs) =>
      database.transaction(() => {
        if (!isNeglected(read(key), afterMs)) return false;
        publishedNow(key);
        return true;
      }),
    claim: async (key, owner, leaseMs) =>
      change(key, (present) => {
        if (present === undefined) return { state: "unknown" };
        if (isSettled(present)) return { state: "settled" };
        if (isAlive(key)) return { state: "taken" };
        const row = database.get(
          `insert into leases values (?1, ?2, 1, ?3) on conflict (key)
           do update set owner = ?2, epoch = epoch + 1, expires_at = ?3 returning epoch`,
          key,
          owner,
          now() + leaseMs,
        );
        const record = afterClaim(present, now());
        write(record);
        return { state: "mine", lease: { key, owner, epoch: Number(row?.["epoch"]) }, record };
      }),
    renew: async (lease, leaseMs) =>
      database.transaction(() => {
        if (!holds(lease)) return false;
        const expiresAt = now() + leaseMs;
        database.run("update leases set expires_at = ? where key = ?", expiresAt, lease.key);
        return true;
      }),
    report: async (lease, progress) =>
      asOwner(lease, (present) =>
        present.state === "building" ? { ...present, progress } : present,
      ),
    settle: async (lease, settlement) =>
      asOwner(lease, (present) => {
        endLease(lease);
        return afterSettling(present, settlement, now());
      }),
    release: async (lease) => {
      asOwner(lease, (present) => {
        endLease(lease);
        return afterRelease(present);
      });
    },
    spoil: async (key, manifest) =>
      change(key, (present) => {
        const spoiled = afterSpoiling(present, manifest, now());
        if (spoiled !== undefined) write(spoiled);
        return spoiled !== undefined;
      }),
    watch: (key, signal) => changes.watch(key, () => read(key), signal),
    manifest: async (digest: Digest) => manifestOf(digest),
    keep: async (manifest) => keep(manifest),
    use: async (digests, at) => digests.filter((digest) => !use(digest, at)),
    recent: async (limit) =>
      database
        .all("select record, manifest from images order by changed_at desc limit ?", limit)
        .flatMap((row) => {
          try {
            return [recordOf(row)];
          } catch {
            return []; // one that is damaged hides no others; whoever asks for it is told
          }
        }),
    revisions: async (packageSet, images, limit) => {
      const found = images.flatMap(({ packages, shell, architecture }) =>
        database.all(
          revisionsOf,
          JSON.stringify(packages),
          Number(shell),
          architecture,
          packageSet,
          limit,
        ),
      );
      return [...new Set(found.map((row) => String(row["revision"])))].slice(0, limit);
    },
    unsettled: async (limit) =>
      database
        .all(
          `select record, manifest from images
           where record ->> 'state' in ('queued', 'building') order by published_at limit ?`,
          limit,
        )
        .map(recordOf),
    neglected: async (afterMs, limit) =>
      database
        .all(
          `select record, manifest, published from images
           where record ->> 'state' in ('queued', 'building') order by published_at`,
        )
        .map((row) => ({ record: recordOf(row), published: Number(row["published"]) }))
        .filter(({ record }) => isNeglected(record, afterMs))
        .slice(0, limit),
  };
}

// All of it in the words of the index `images_ready`, which is then all that is read.
const revisionsOf = `
  select distinct record ->> '$.pin.revision' as revision from images
  where record ->> '$.image.packages' = ? and record ->> '$.image.shell' = ?
    and record ->> '$.image.architecture' = ? and record ->> '$.pin.packageSet' = ?
    and record ->> '$.state' = 'ready' limit ?`;
