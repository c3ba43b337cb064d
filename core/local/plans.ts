import type { AppliedPlans } from "../layer-plans.ts";
import type { Pin } from "../package-set.ts";
import type { Clock, PlanRecord, Plans } from "../ports.ts";
import type { Database } from "./database.ts";

/** `Plans` in SQLite. */
export function createLocalPlans(database: Database, now: Clock = Date.now): Plans {
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
          "insert or ignore into applied_plans values (?, ?, ?, ?)",
          packageSet,
          revision,
          encode(next),
          now(),
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
    async learned() {
      const rows = database.all("select plan from plans");
      const learned = rows.map((row) => JSON.parse(String(row["plan"])) as PlanRecord); // written above
      return learned.flatMap(({ current }) => current?.digest ?? []);
    },
    async decisions() {
      return database.all("select * from applied_plans").map((row) => ({
        pin: {
          packageSet: String(row["package_set"]),
          revision: String(row["revision"]),
          plans: JSON.parse(String(row["plans"])) as AppliedPlans, // written above
        },
        // One that a former version decided is as good as old: it only stays where something was built.
        decidedAt: Number(row["decided_at"] ?? 0),
      }));
    },
    async forget({ packageSet, revision }) {
      database.run(
        "delete from applied_plans where package_set = ? and revision = ?",
        packageSet,
        revision,
      );
    },
  };
}

// Always in the same order, so that equal plans are equal texts.
function encode({ amd64, arm64 }: AppliedPlans): string {
  return JSON.stringify({ amd64, arm64 });
}
