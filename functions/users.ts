import { isAccountName } from "../core/access.ts";
import { visible } from "../core/visible.ts";

/** Hashes of passwords by user name. */
export type Users = ReadonlyMap<string, string>;

// What bcrypt costs doubles with each step: above this a wrong password would take seconds.
const bcryptPattern = /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
// 2^16 blocks of 1 KiB are 64 MiB while a password is checked.
const scryptPattern =
  /^\$scrypt\$ln=(?:[1-9]|1[0-6]),r=[1-8],p=[1-4]\$[A-Za-z0-9+/]{11,86}={0,2}\$[A-Za-z0-9+/]{22,86}={0,2}$/;

/**
 * Reads a file of users as Apache's `htpasswd -B` writes it: `<name>:<hash>`, a line each. A hash is bcrypt's, of cost 4
 * to 14, or scrypt's as `$scrypt$ln=<log2 of N>,r=<r>,p=<p>$<salt>$<key>` in Base64. # begins a remark. Throws an Error
 * that names every line which it does not understand, and none of its hashes.
 */
export function parseUsers(text: string): Users {
  const users = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, value, line } of namedLines(text)) {
    if (!isAccountName(name)) problems.push(`line ${line}: "${visible(name)}" is not a user name`);
    else if (users.has(name)) problems.push(`line ${line}: there is another "${name}"`);
    else if (!bcryptPattern.test(value) && !scryptPattern.test(value)) {
      problems.push(
        `line ${line}: the hash of "${name}" is neither bcrypt's, of cost 4 to 14, nor scrypt's: write it with htpasswd -B`,
      );
    } else users.set(name, value);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  return users;
}

interface NamedLine {
  readonly name: string;
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

/** The lines of a file of names and values that say something. */
export function namedLines(text: string): readonly NamedLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const said = raw.trim();
    if (said === "" || said.startsWith("#")) return [];
    const at = said.includes(":") ? said.indexOf(":") : said.length;
    return [{ name: said.slice(0, at), value: said.slice(at + 1), line: index + 1 }];
  });
}
