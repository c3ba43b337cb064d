import type { AppliedPlans } from "../layer-plans.ts";
import type { Pin } from "../package-set.ts";
import type { PlanRecord, Plans } from "../ports.ts";
import type { Database } from "./database.ts";

/** `Plans` in SQLite. */
export function createLocalPlans(database: Database): Plans {
  function appliedTo(pin: Pin): string | undefined {
    const row = database.get(
      "select plans from applied_plans where package_set = ? and revision = ?",
      pin.packageSet,
      pin.revision,
    );
    return row && String(row["plans"]);
  }

  return {
    async read(id) {
      const row = database.get("select version, plan from plans where id = ?", id);
      if (row === undefined) return undefined;
      const stored = JSON.parse(String(row["plan"])) as Omit<PlanRecord, "version">; // written below
      return { ...stored, version: Number(row["version"]) };
    },
    async replace(id, version, next) {
      const plan = JSON.stringify({ ...next, version: undefined });
      const changed =
        version === 0
          ? database.run("insert or ignore into plans values (?, 1, ?)", id, plan)
          : database.run(
              "update plans set version = version + 1, plan = ? where id = ? and version = ?",
              plan,
              id,
              version,
            );
      return changed > 0;
    },
    async applied(pin) {
      const plans = appliedTo(pin);
      return plans === undefined ? undefined : (JSON.parse(plans) as AppliedPlans); // written below
    },
    async apply(pin, seen, next) {
      const { packageSet, revision } = pin;
      if (seen === undefined) {
        database.run(
          "insert or ignore into applied_plans values (?, ?, ?)",
          packageSet,
          revision,
          encode(next),
        );
      } else {
        database.run(
          "update applied_plans set plans = ? where package_set = ? and revision = ? and plans = ?",
          encode(next),
          packageSet,
          revision,
          encode(seen),
        );
      }
      return JSON.parse(appliedTo(pin) ?? "{}") as AppliedPlans; // written above
    },
  };
}

// Always in the same order, so that equal plans are equal texts.
function encode({ amd64, arm64 }: AppliedPlans): string {
  return JSON.stringify({ amd64, arm64 });
}
