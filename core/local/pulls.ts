import type { Pulls } from "../ports.ts";
import type { Database } from "./database.ts";

/** `Pulls` in SQLite. */
export function createLocalPulls(database: Database): Pulls {
  return {
    async note(pinId, image, at) {
      database.run(
        `insert into pulls values (?1, ?2, ?3)
         on conflict (pin_id, image) do update set at = max(at, ?3)`,
        pinId,
        image,
        at,
      );
    },
    async recent(pinId, since, limit) {
      const rows = database.all(
        "select image from pulls where pin_id = ? and at >= ? order by at desc, image limit ?",
        pinId,
        since,
        limit,
      );
      return rows.map((row) => String(row["image"]));
    },
  };
}
