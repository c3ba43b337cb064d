import { digestOf, parseDigest } from "../digest.ts";
import type { StoredManifests } from "../ports.ts";
import type { Database, Row } from "./database.ts";

/** `StoredManifests` in SQLite. */
export function createLocalStoredManifests(database: Database): StoredManifests {
  return {
    async list(after, limit) {
      const rows = database.all(
        "select * from manifests where digest > ? order by digest limit ?",
        after ?? "",
        limit,
      );
      return rows.map(manifestOf);
    },
    async remove(digest, usedBefore) {
      return database.transaction(() => {
        const unused = "delete from manifests where digest = ? and used_at < ?";
        if (database.run(unused, digest, usedBefore) === 0) return false;
        database.run("delete from images where manifest = ?", digest);
        return true;
      });
    },
    async isBuilt({ packageSet, revision }) {
      const row = database.get(
        `select 1 from images where record ->> '$.pin.packageSet' = ?
           and record ->> '$.pin.revision' = ? limit 1`,
        packageSet,
        revision,
      );
      return row !== undefined;
    },
  };
}

function manifestOf(row: Row) {
  const digest = parseDigest(String(row["digest"]));
  const bytes = row["bytes"] as Uint8Array; // the column is a blob
  if (digest === undefined || digestOf(bytes) !== digest) {
    throw new Error(`the manifest ${String(row["digest"])} is damaged, so nothing is removed`);
  }
  const usedAt = row["used_at"];
  return {
    digest,
    mediaType: String(row["media_type"]),
    bytes,
    usedAt: usedAt === null ? undefined : Number(usedAt),
  };
}
