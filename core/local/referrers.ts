import type { Referrers } from "../ports.ts";
import type { Referrer } from "../referrer.ts";
import type { Database } from "./database.ts";

/** `Referrers` in SQLite. */
export function createLocalReferrers(database: Database): Referrers {
  return {
    async list(subject) {
      const rows = database.all(
        "select descriptor from referrers where subject = ? order by digest",
        subject,
      );
      return rows.map((row) => JSON.parse(String(row["descriptor"])) as Referrer); // written below
    },
    async add(subject, referrer) {
      database.run(
        "insert or replace into referrers values (?, ?, ?)",
        subject,
        referrer.digest,
        JSON.stringify(referrer),
      );
    },
    async remove(subject, referrer) {
      database.run("delete from referrers where subject = ? and digest = ?", subject, referrer);
    },
  };
}
