import { createHash } from "node:crypto";
import type { DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { parseDigest } from "../digest.ts";
import type { AppliedPlans } from "../layer-plans.ts";
import type { Pin } from "../package-set.ts";
import type { PlanRecord, Plans } from "../ports.ts";
import { change, writeAsSeen } from "./change.ts";
import { fieldsOf, type Fields } from "./fields.ts";
import { answered, readLightly, written, type FirestoreConnection } from "./firestore.ts";

/**
 * `Plans` in Firestore: the documents `plans/{SHA-256 of the id}`, and `appliedPlans/{SHA-256 of package set and
 * revision}`, which a pull by commit reads in a process that has not seen it yet.
 */
export function createGooglePlans(firestore: FirestoreConnection): Plans {
  const document = async (path: string) => (await firestore.open()).doc(path);
  const planPath = (id: string) => `plans/${hash(id)}`;
  const appliedPath = ({ packageSet, revision }: Pin) =>
    `appliedPlans/${hash(JSON.stringify([packageSet, revision]))}`;

  async function look<T>(path: string, decode: (fields: Fields) => T) {
    const found = await document(path);
    return seen(await answered(`read ${path}`, found.get()), decode);
  }

  /** Writes `fields` where `isWanted` says so of what is there; tells whether it was. */
  async function set<T>(
    path: string,
    decode: (fields: Fields) => T,
    isWanted: (present: T | undefined) => boolean,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const target = await document(path);
    return await change(
      path,
      () => look(path, decode),
      (present) => {
        if (!isWanted(present?.value)) return { answer: false };
        const write = async (mark: string) => {
          const batch = target.firestore.batch();
          writeAsSeen(batch, target, present, { ...fields, mark });
          return await written(`write ${path}`, batch.commit());
        };
        return { answer: true, write };
      },
    );
  }

  async function applied(pin: Pin): Promise<AppliedPlans | undefined> {
    const path = appliedPath(pin);
    const byLibrary = async () => (await look(path, decodeApplied))?.value;
    return await readLightly(firestore, path, decodeApplied, byLibrary);
  }

  return {
    read: async (id) => (await look(planPath(id), decodeRecord))?.value,
    async replace(id, version, next) {
      const { askedAt, current } = next;
      const fields = {
        id,
        version: version + 1,
        askedAt,
        current: current ? { ...current } : null,
      };
      const isWanted = (present?: PlanRecord) => (present?.version ?? 0) === version;
      return await set(planPath(id), decodeRecord, isWanted, fields);
    },
    applied,
    async learned() {
      const plans = (await firestore.open()).collection("plans");
      const { docs } = await answered("list plans", plans.get());
      return docs.flatMap((each) => seen(each, decodeRecord)?.value.current?.digest ?? []);
    },
    async decisions() {
      const decided = (await firestore.open()).collection("appliedPlans");
      const { docs } = await answered("list what plans apply", decided.get());
      return docs.flatMap((each) => {
        const fields = fieldsOf(each);
        if (fields === undefined) return [];
        const pin = { packageSet: fields.text("packageSet"), revision: fields.text("revision") };
        const plans = decodeApplied(fields);
        return [{ pin: { ...pin, plans }, decidedAt: each.createTime.toMillis() }];
      });
    },
    async forget(pin) {
      const path = appliedPath(pin);
      await answered(`delete ${path}`, (await document(path)).delete());
    },
    async apply(pin, expected, next) {
      const { packageSet, revision } = pin;
      const isWanted = (present?: AppliedPlans) =>
        present === undefined || expected === undefined
          ? present === expected
          : present.amd64 === expected.amd64 && present.arm64 === expected.arm64;
      const fields = { packageSet, revision, plans: encodePlans(next) };
      const isWritten = await set(appliedPath(pin), decodeApplied, isWanted, fields);
      return isWritten ? next : ((await look(appliedPath(pin), decodeApplied))?.value ?? {});
    },
  };
}

/** Null for none, and for an architecture without: an update leaves alone what it does not name. */
export function encodePlans(plans: AppliedPlans | undefined) {
  return plans ? { amd64: plans.amd64 ?? null, arm64: plans.arm64 ?? null } : null;
}

/** The `plans` of a document or a part of one; undefined where it has none. */
export function decodePlans(fields: Fields): AppliedPlans | undefined {
  if (!fields.has("plans")) return undefined;
  const plans = fields.map("plans");
  return {
    ...(plans.has("amd64") && { amd64: plans.parsed("amd64", parseDigest) }),
    ...(plans.has("arm64") && { arm64: plans.parsed("arm64", parseDigest) }),
  };
}

function decodeApplied(fields: Fields): AppliedPlans {
  return decodePlans(fields) ?? {};
}

function decodeRecord(fields: Fields): PlanRecord {
  return {
    version: fields.number("version"),
    askedAt: fields.number("askedAt"),
    ...(fields.has("current") && { current: decodeCurrent(fields.map("current")) }),
  };
}

function decodeCurrent(fields: Fields) {
  return {
    digest: fields.parsed("digest", parseDigest),
    revision: fields.text("revision"),
    learnedAt: fields.number("learnedAt"),
  };
}

interface Seen<T> {
  readonly value: T;
  readonly mark: string;
  readonly updated: Timestamp;
}

function seen<T>(snapshot: DocumentSnapshot, decode: (fields: Fields) => T): Seen<T> | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined || snapshot.updateTime === undefined) return undefined;
  return { value: decode(fields), mark: fields.text("mark"), updated: snapshot.updateTime };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
