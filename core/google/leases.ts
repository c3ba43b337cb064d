import type { DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import type { Clock } from "../ports.ts";
import type { Holder } from "./build-document.ts";
import { fieldsOf } from "./fields.ts";

/**
 * The documents `leases/{build key}`: who works on a build, and until when. Apart from the record, so that heartbeats
 * wake nobody who watches it.
 */
export interface SeenLease extends Holder {
  readonly expiresAt: number;
  /** The precondition of whoever wants to change it. */
  readonly updated: Timestamp;
  /** None: a lease that was renewed twice was renewed. */
  readonly mark?: undefined;
}

export function decodeLease(snapshot: DocumentSnapshot): SeenLease | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined || snapshot.updateTime === undefined) return undefined;
  return {
    owner: fields.text("owner"),
    epoch: fields.number("epoch"),
    expiresAt: fields.number("expiresAt"),
    updated: snapshot.updateTime,
  };
}

/** A lease that is over stays, so that the next owner counts on from its epoch: none is ever used twice. */
export function endedLease({ epoch }: Holder) {
  return { owner: "", epoch, expiresAt: 0 };
}

/**
 * Whether somebody may still be at work. The clock it was written by is another machine's: a lease is over only
 * `skewMs` after its time.
 */
export function isAlive(lease: SeenLease | undefined, now: Clock, skewMs: number): boolean {
  return lease !== undefined && lease.expiresAt + skewMs > now();
}

export function isHeldBy(held: Holder | undefined, { owner, epoch }: Holder): boolean {
  return held?.owner === owner && held.epoch === epoch;
}
