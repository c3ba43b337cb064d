import { createHash } from "node:crypto";
import { isAccountName } from "../core/access.ts";
import { visible } from "../core/visible.ts";
import { namedLines } from "./users.ts";

/**
 * Tokens that stay, for machines: names by the SHA-256 of the token. A token is random and long, so its hash need not be
 * slow; and who looks for a hash learns from the time it takes nothing about a token that has another.
 */
export type MachineTokens = ReadonlyMap<string, string>;

/** Reads `<name>:<SHA-256 in hex>`, a line each; throws an Error that names every line it does not understand. */
export function parseMachineTokens(text: string): MachineTokens {
  const names = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, value, line } of namedLines(text)) {
    if (!isAccountName(name)) problems.push(`line ${line}: "${visible(name)}" is not a name`);
    else if (!/^[0-9a-f]{64}$/.test(value)) {
      problems.push(
        `line ${line}: what "${name}" has is not a SHA-256 in hex: printf %s "$TOKEN" | sha256sum`,
      );
    } else names.set(value, name);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  return names;
}

/** Whose token it is. */
export function machineOf(tokens: MachineTokens, token: string): string | undefined {
  return tokens.get(createHash("sha256").update(token).digest("hex"));
}
