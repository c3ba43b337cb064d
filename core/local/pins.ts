import type { PinRecord, Pins } from "../ports.ts";
import { createChanges } from "./changes.ts";
import type { Database, Row } from "./database.ts";

const madeUpKeptMs = 24 * 60 * 60_000;

/** `Pins` in SQLite, for one process. */
export function createLocalPins(database: Database): Pins {
  const changes = createChanges();

  function read(id: string): PinRecord | undefined {
    const row = database.get("select version, pin from pins where id = ?", id);
    return row && recordOf(row);
  }

  function recordOf(row: Row): PinRecord {
    const stored = JSON.parse(String(row["pin"])) as Omit<PinRecord, "version">; // written below
    return { ...stored, version: Number(row["version"]) };
  }

  // What was asked for and stands nowhere is remembered for a day; a few go with each one that comes.
  function forgetMadeUp(now: number): void {
    database.run(
      `delete from pins where id in (
         select id from pins where pin ->> '$.current' is null and pin ->> '$.askedAt' < ? limit 10)`,
      now - madeUpKeptMs,
    );
  }

  return {
    read: async (id) => read(id),
    async replace(id, version, next) {
      const pin = JSON.stringify({ ...next, version: undefined });
      const changed =
        version === 0
          ? database.run("insert or ignore into pins values (?, 1, ?)", id, pin)
          : database.run(
              "update pins set version = version + 1, pin = ? where id = ? and version = ?",
              pin,
              id,
              version,
            );
      if (changed === 0) return false;
      forgetMadeUp(next.askedAt);
      changes.say(id);
      return true;
    },
    async list() {
      // Those that stand somewhere have an index of their own: the tags that people made up are not looked at.
      const rows = database.all(
        "select id, version, pin from pins where pin ->> '$.current' is not null order by id",
      );
      return rows.map((row) => ({ id: String(row["id"]), record: recordOf(row) }));
    },
    watch: (id, signal) => changes.watch(id, () => read(id), signal),
  };
}
