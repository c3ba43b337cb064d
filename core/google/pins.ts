import { createHash } from "node:crypto";
import type { DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import type { PinFailure, PinRecord, Pins } from "../ports.ts";
import { decodePlans, encodePlans } from "./plans.ts";
import { change, writeAsSeen } from "./change.ts";
import { fieldsOf, type Fields } from "./fields.ts";
import { answered, readLightly, written, type FirestoreConnection } from "./firestore.ts";
import { sharing } from "./share.ts";
import { watchDocument } from "./watch.ts";

/** `Pins` in Firestore: the documents `pins/{SHA-256 of the id}`, since an id may hold anything, and be long. */
export function createGooglePins(firestore: FirestoreConnection): Pins {
  const pathOf = (id: string) => `pins/${createHash("sha256").update(id).digest("hex")}`;
  const document = async (id: string) => (await firestore.open()).doc(pathOf(id));

  async function look(id: string): Promise<SeenPin | undefined> {
    const pin = await document(id);
    return decode(await answered(`read ${pin.path}`, pin.get()));
  }

  const read = sharing((id: string) =>
    readLightly(firestore, pathOf(id), decodeRecord, async () => (await look(id))?.record),
  );

  return {
    read,
    async replace(id, version, next) {
      const pin = await document(id);
      return await change(
        `pin ${id}`,
        () => look(id),
        (seen) => {
          if ((seen?.record.version ?? 0) !== version) return { answer: false };
          const fields = { id, version: version + 1, ...encode(next) };
          const write = async (mark: string) => {
            const batch = pin.firestore.batch();
            writeAsSeen(batch, pin, seen, { ...fields, mark });
            return await written(`write ${pin.path}`, batch.commit());
          };
          return { answer: true, write };
        },
      );
    },
    watch: (id, signal) =>
      watchDocument(
        () => document(id),
        (snapshot) => decode(snapshot)?.record,
        signal,
      ),
    async list() {
      const pins = (await firestore.open()).collection("pins");
      // Only those that have this field are in its index: the tags that people made up are not read.
      const { docs } = await answered("list pins", pins.orderBy("current.resolvedAt").get());
      return docs
        .map(decode)
        .flatMap((seen) => (seen ? [{ id: seen.id, record: seen.record }] : []));
    },
  };
}

interface SeenPin {
  readonly id: string;
  readonly record: PinRecord;
  readonly mark: string;
  readonly updated: Timestamp;
}

const madeUpKeptMs = 24 * 60 * 60_000;

// Null for what is absent: an update leaves alone what it does not name.
function encode(pin: Omit<PinRecord, "version">) {
  const { reference, askedAt, current, previous, next, failure } = pin;
  return {
    reference: reference ?? null,
    askedAt,
    current: current
      ? {
          revision: current.revision,
          resolvedAt: current.resolvedAt,
          plans: encodePlans(current.plans),
        }
      : null,
    previous: previous ?? null,
    next: next
      ? { revision: next.revision, since: next.since, plans: encodePlans(next.plans) }
      : null,
    failure: failure ? encodeFailure(failure) : null,
    // Tags that people made up go by themselves; what stands somewhere stays. Only a timestamp can expire.
    expireAt: current ? null : new Date(askedAt + madeUpKeptMs),
  };
}

function encodeFailure({ reason, message, failedAt }: PinFailure) {
  return { reason, message: message.toWellFormed(), failedAt };
}

function decode(snapshot: DocumentSnapshot): SeenPin | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined || snapshot.updateTime === undefined) return undefined;
  const record = decodeRecord(fields);
  return { id: fields.text("id"), record, mark: fields.text("mark"), updated: snapshot.updateTime };
}

function decodeRecord(fields: Fields): PinRecord {
  return {
    version: fields.number("version"),
    reference: fields.has("reference") ? fields.text("reference") : undefined,
    askedAt: fields.number("askedAt"),
    ...(fields.has("current") && { current: decodeCurrent(fields.map("current")) }),
    ...(fields.has("previous") && { previous: fields.text("previous") }),
    ...(fields.has("next") && { next: decodeNext(fields.map("next")) }),
    ...(fields.has("failure") && { failure: decodeFailure(fields.map("failure")) }),
  };
}

function decodeCurrent(fields: Fields) {
  return { ...decodeStanding(fields), resolvedAt: fields.number("resolvedAt") };
}

function decodeNext(fields: Fields) {
  return { ...decodeStanding(fields), since: fields.number("since") };
}

function decodeStanding(fields: Fields) {
  const plans = decodePlans(fields);
  return { revision: fields.text("revision"), ...(plans && { plans }) };
}

function decodeFailure(fields: Fields): PinFailure {
  return {
    reason: fields.word<PinFailure["reason"]>("reason", {
      "revision-unknown": true,
      service: true,
    }),
    message: fields.text("message"),
    failedAt: fields.number("failedAt"),
  };
}
