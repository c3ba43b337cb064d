import type { LayerCache, LayerEntry } from "../ports.ts";
import type { Database } from "./database.ts";

/** `LayerCache` in SQLite. */
export function createLocalLayerCache(database: Database): LayerCache {
  return {
    async read(keys) {
      const found = new Map<string, LayerEntry>();
      for (const key of keys) {
        const row = database.get("select entry from layers where key = ?", key);
        if (row === undefined) continue;
        found.set(key, JSON.parse(String(row["entry"])) as LayerEntry); // written by `write` below
      }
      return found;
    },
    async write(key, entry) {
      database.run("insert or replace into layers values (?, ?)", key, JSON.stringify(entry));
    },
    async forget(digest) {
      database.run("delete from layers where entry ->> '$.digest' = ?", digest);
    },
  };
}
