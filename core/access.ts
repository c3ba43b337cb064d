import { listed } from "./setting.ts";

/**
 * Who may pull, and who may have images built.
 *
 * Rules are data (`FIRN_ACCESS`): a list of who may do what. What anonymous may, everybody may; of several rules that
 * fit the most is given, and nothing is taken away by a rule, so their order means nothing. Taking away is what blocking
 * is for (`functions/blocked.ts`).
 *
 * Access is to a registry, not to single names: a registry has one package set, so if that is private all of it is, by
 * tag, by digest and by blob. Knowing a digest therefore opens nothing: bytes are given to those who may pull here. What
 * is in a bucket or data folder may be pulled by whoever may pull from a registry over it, so each set that is
 * private has its own (`README.md`).
 *
 *   client ──► 401, WWW-Authenticate: Bearer realm, service, scope ──► /token, with a password
 *                      functions/challenge.ts                        functions/token-endpoint.ts
 *                                                                      functions/sign-in.ts: who is it
 *   client ◄── a token of five minutes, for these names ◄────────────  core/access.ts: what may they
 *      │                                                               functions/bearer-tokens.ts: signed
 *      └─────► manifest, blobs: one signature, once a process ──► functions/access.ts: a grant, or a refusal
 */

/** What somebody may do: who may build may pull. */
export type Permission = "pull" | "build";

/** Somebody, once it is known who. */
export type Subject =
  | { readonly kind: "anonymous" }
  | { readonly kind: "user" | "token"; readonly name: string }
  /** `domain` is that of the organisation which owns the account, where one does. */
  | { readonly kind: "google"; readonly email: string; readonly domain: string | undefined };

/** `name` of a Google account is its mail address, or `*@` and a domain; of others a name, or `*`. */
export interface AccessRule {
  readonly kind: Subject["kind"];
  readonly name: string;
  readonly permission: Permission;
}

/** How somebody is called in rules, tokens, logs and lists of who is blocked: `user:alice`, `google:bob@example.com`. */
export function whoIs(subject: Subject): string {
  switch (subject.kind) {
    case "anonymous":
      return "anonymous";
    case "google":
      return `google:${subject.email}`;
    case "user":
    case "token":
      return `${subject.kind}:${subject.name}`;
  }
}

const example =
  'such as "anonymous=pull, user:alice=build, google:*@example.com=pull, token:*=build"';
const namePattern = /^[\w][\w.@+-]{0,127}$/;

/** Whether this can be the name of a user or of a token. */
export function isAccountName(name: string): boolean {
  return namePattern.test(name);
}

/** Reads rules, separated by commas; throws an Error that says what would be understood. */
export function parseAccess(text: string): readonly AccessRule[] {
  const rules = listed(text).map(parseRule);
  if (rules.length === 0) throw new Error(`it lets nobody in: name who may, ${example}`);
  return rules;
}

function parseRule(text: string): AccessRule {
  const [, who = "", permission = ""] = /^(.*?)\s*=\s*(.*)$/.exec(text) ?? [];
  if (permission !== "pull" && permission !== "build") {
    throw new Error(`"${text}" does not end with =pull or =build; write rules ${example}`);
  }
  if (who === "anonymous") return { kind: "anonymous", name: "*", permission };
  const [, kind, name = ""] = /^(user|token|google):(.*)$/.exec(who) ?? [];
  if (kind === "google" && /^(?:\*|[\w.+-]+)@[\w-]+(?:\.[\w-]+)+$/.test(name)) {
    return { kind, name: name.toLowerCase(), permission };
  }
  if ((kind === "user" || kind === "token") && (name === "*" || isAccountName(name))) {
    return { kind, name, permission };
  }
  throw new Error(
    `"${who}" is nobody: write anonymous, user:<name>, token:<name>, google:<account>@<domain>, or * for the name`,
  );
}

/** The most that the rules give somebody; undefined: nothing. */
export function permissionOf(
  rules: readonly AccessRule[],
  subject: Subject,
): Permission | undefined {
  const given = rules.filter((rule) => rule.kind === "anonymous" || applies(rule, subject));
  if (given.some(({ permission }) => permission === "build")) return "build";
  return given.length > 0 ? "pull" : undefined;
}

function applies({ kind, name }: AccessRule, subject: Subject): boolean {
  if (kind !== subject.kind || subject.kind === "anonymous") return false;
  if (subject.kind !== "google") return name === "*" || name === subject.name;
  if (!name.startsWith("*@")) return name === subject.email;
  return subject.domain !== undefined && name === `*@${subject.domain}`;
}
