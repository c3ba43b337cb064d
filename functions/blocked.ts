import { BlockList, isIP } from "node:net";
import { visible } from "../core/visible.ts";

/** Who is shut out, whatever rules and tokens say. */
export interface Blocked {
  readonly isEmpty: boolean;
  /** The line that shuts somebody out; undefined: none does. An address that is not known is not shut out. */
  blocks(who: string, address: string | undefined): string | undefined;
}

export const nobody: Blocked = { isEmpty: true, blocks: () => undefined };

/**
 * Reads a list of who is blocked: a line each of `anonymous`, `user:alice`, `token:ci`, `google:bob@example.com`,
 * `google:*@example.com`, an address, or a network such as `192.0.2.0/24` or `2001:db8::/32`; # begins a remark. Throws
 * an Error that names every line it does not understand.
 */
export function parseBlocked(text: string): Blocked {
  const names = new Set<string>();
  const addresses = new BlockList();
  const problems: string[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/#.*$/, "").trim();
    if (line === "" || addAddress(addresses, line)) continue;
    if (/^(?:anonymous|(?:user|token|google):\S+)$/.test(line)) names.add(line);
    else
      problems.push(`line ${index + 1}: "${visible(line)}" is neither an account nor an address`);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  const hasAddresses = addresses.rules.length > 0;
  return {
    isEmpty: names.size === 0 && !hasAddresses,
    blocks(who, address) {
      if (names.has(who)) return who;
      const domain = who.startsWith("google:") ? `google:*${who.slice(who.indexOf("@"))}` : "";
      if (names.has(domain)) return domain;
      if (!hasAddresses || address === undefined) return undefined;
      const family = isIP(address);
      if (family === 0) return undefined;
      return addresses.check(address, family === 6 ? "ipv6" : "ipv4") ? address : undefined;
    },
  };
}

/** Whether it was one. */
function addAddress(addresses: BlockList, line: string): boolean {
  const [address = "", bits, more] = line.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  const type = family === 6 ? "ipv6" : "ipv4";
  if (bits === undefined) addresses.addAddress(address, type);
  else if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) return false;
  else addresses.addSubnet(address, Number(bits), type);
  return true;
}
