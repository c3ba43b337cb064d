import { isIP } from "node:net";
import type { RegistryRequest } from "./exchange.ts";

/**
 * The address a request comes from. Each proxy in front adds the address it was asked from to the end of
 * X-Forwarded-For; what stands further to the left than our own proxies reach, the client may have made up. `peer` is
 * the other end of the connection, and the answer where there is no proxy, or the header is not what it should be.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trustedHops: number,
): string | undefined {
  if (trustedHops === 0 || forwardedFor === undefined) return plain(peer);
  const added = forwardedFor.split(",").at(-trustedHops)?.trim();
  const address = added === undefined ? undefined : plain(withoutPort(added));
  return address !== undefined && isIP(address) !== 0 ? address : plain(peer);
}

/** The same of a request. */
export function addressOf(
  { peer, headers }: Pick<RegistryRequest, "peer" | "headers">,
  trustedHops: number,
): string | undefined {
  return clientAddress(peer, headers["x-forwarded-for"], trustedHops);
}

function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  return bracketed ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

/** An address of IPv4 as such, where a socket for both families wrote it as one of IPv6. */
function plain(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** What to count requests by: whoever has one address of IPv6 has the other 2^64 of its network as well. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const left = head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "") || "0")
    .join(":");
}
