import type { Charge } from "../ports.ts";
import type { Asker } from "../record.ts";
import type { Fields } from "./fields.ts";

/** Who had a build begun, as a map in its document. */
export function encodeAsker({ who, address, charge }: Asker) {
  return {
    who: who.toWellFormed(),
    address: address ?? null,
    charge: charge ? encodeCharge(charge) : null,
  };
}

function encodeCharge({ client, share, at }: Charge) {
  return { client: client.id, isAnonymous: client.isAnonymous, share: share ?? null, at };
}

export function decodeAsker(fields: Fields): Asker {
  return {
    who: fields.text("who"),
    ...(fields.has("address") && { address: fields.text("address") }),
    ...(fields.has("charge") && { charge: decodeCharge(fields.map("charge")) }),
  };
}

function decodeCharge(fields: Fields): Charge {
  return {
    client: { id: fields.text("client"), isAnonymous: fields.truth("isAnonymous") },
    ...(fields.has("share") && { share: fields.number("share") }),
    at: fields.number("at"),
  };
}
