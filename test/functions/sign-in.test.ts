import { scryptSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createPasswordCheck } from "../../functions/password-check.ts";
import { parseMachineTokens } from "../../functions/machine-tokens.ts";
import { createSignIn, type SignInTools } from "../../functions/sign-in.ts";
import { parseUsers } from "../../functions/users.ts";
import type { Watched } from "../../functions/watched-text.ts";
import { machineToken, passwords, tokensFile, usersFile } from "../support/accounts.ts";

const address = "192.0.2.1";

function still<T>(current: T): Watched<T> {
  return { current, isFresh: true, refresh: async () => undefined };
}

/** Signs in at a clock that is moved by hand; `checked` counts the passwords that were looked at. */
function signInAt(changed: Partial<SignInTools> = {}) {
  let at = Date.UTC(2026, 10, 24);
  const checked: string[] = [];
  const check = createPasswordCheck();
  const signIn = createSignIn({
    users: still(parseUsers(usersFile)),
    machines: still(parseMachineTokens(tokensFile)),
    google: undefined,
    check: async (password, hash) => {
      checked.push(hash);
      return await check(password, hash);
    },
    now: () => at,
    ...changed,
  });
  const as = async (user: string, password: string, from = address) =>
    await signIn({ user, password }, from);
  return { as, checked, advance: (ms: number) => void (at += ms) };
}

const known = (kind: string, name: string) => ({ state: "known", subject: { kind, name } });
const wrong = { state: "wrong" };
const busy = { state: "busy" };

describe("signing in", () => {
  it("is by name and password", async () => {
    const { as } = signInAt();
    expect(await as("alice", passwords.alice)).toEqual(known("user", "alice"));
    expect(await as("bob", passwords.bob)).toEqual(known("user", "bob"));
    expect(await as("alice", passwords.bob)).toEqual(wrong);
    expect(await as("alice", "")).toEqual(wrong);
    expect(await as("Alice", passwords.alice)).toEqual(wrong);
    expect(await as("ali\nce", passwords.alice)).toEqual(wrong);
  });

  it("is by the token of a machine, whatever name is given with it", async () => {
    const { as, checked } = signInAt();
    expect(await as("ci", machineToken)).toEqual(known("token", "ci"));
    expect(await as("token", machineToken)).toEqual(known("token", "ci"));
    expect(checked).toEqual([]);
    expect(await as("ci", `${machineToken}0`)).toEqual(wrong);
  });

  it("costs an unknown name what it costs a known one, and always the same", async () => {
    const { as, checked } = signInAt();
    await as("carol", "one");
    await as("carol", "two");
    expect(checked).toHaveLength(2);
    expect(checked[0]).toMatch(/^\$2b\$04\$/);
    expect(checked[1]).toBe(checked[0]);
  });

  it("knows nobody by the password of the one whose hash an unknown name is compared with", async () => {
    const { as } = signInAt({ users: still(parseUsers(usersFile.split("\n")[1] ?? "")) });
    expect(await as("carol", passwords.alice)).toEqual(wrong);
  });

  it("looks at a password once a minute, and once for hundreds who come with it together", async () => {
    const { as, checked, advance } = signInAt();
    await Promise.all(Array.from({ length: 200 }, () => as("alice", passwords.alice)));
    await as("alice", passwords.alice);
    expect(checked).toHaveLength(1);
    advance(60_001);
    await as("alice", passwords.alice);
    expect(checked).toHaveLength(2);
  });

  it("looks at no more after ten wrong passwords from an address, for a minute; others go on", async () => {
    const { as, checked, advance } = signInAt();
    await as("bob", passwords.bob);
    for (let i = 0; i < 10; i++) expect(await as("alice", `guess ${i}`)).toEqual(wrong);
    const before = checked.length;
    for (let i = 0; i < 100; i++) expect(await as("alice", `more ${i}`)).toEqual(busy);
    expect(await as("alice", passwords.alice)).toEqual(busy);
    expect(checked).toHaveLength(before);
    // Known from before, and from elsewhere.
    expect(await as("bob", passwords.bob)).toEqual(known("user", "bob"));
    expect(await as("alice", passwords.alice, "192.0.2.2")).toEqual(known("user", "alice"));
    advance(60_001);
    expect(await as("alice", "guess")).toEqual(wrong);
  });

  it("takes all addresses of a network of IPv6 for one", async () => {
    const { as } = signInAt();
    for (let i = 0; i < 10; i++) await as("alice", `guess ${i}`, `2001:db8:1:2::${i}`);
    expect(await as("alice", "guess", "2001:db8:1:2:ffff::1")).toEqual(busy);
    expect(await as("alice", "guess", "2001:db8:1:3::1")).toEqual(wrong);
  });

  it("forgets a password that was right as soon as the file of users is another", async () => {
    let users = parseUsers(usersFile);
    const { as } = signInAt({
      users: {
        get current() {
          return users;
        },
        isFresh: true,
        refresh: async () => undefined,
      },
    });
    expect(await as("alice", passwords.alice)).toEqual(known("user", "alice"));
    users = parseUsers(usersFile.replace("alice:", "alina:"));
    expect(await as("alice", passwords.alice)).toEqual(wrong);
  });

  it("says that it is busy where more wait than can be looked at", async () => {
    const { as } = signInAt();
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, i) => as("alice", `guess ${i}`, `198.51.100.${i}`)),
    );
    expect(all.filter(({ state }) => state === "busy").length).toBeGreaterThan(10);
    expect(all.filter(({ state }) => state === "wrong").length).toBeGreaterThan(30);
  });
});

describe("a file of users", () => {
  const salt = Buffer.from("0123456789abcdef");
  const key = scryptSync("secret", salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  const scrypt = `$scrypt$ln=10,r=8,p=1$${salt.toString("base64")}$${key.toString("base64")}`;

  it.each([
    // As Apache's htpasswd 2.4 wrote it.
    ["$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe", "password"],
    [scrypt, "secret"],
  ])("may have %s", async (hash, password) => {
    const check = createPasswordCheck();
    expect(parseUsers(`a:${hash}\r\n`).get("a")).toBe(hash);
    expect(await check(password, hash)).toBe(true);
    expect(await check(`${password}!`, hash)).toBe(false);
  });

  it("is refused with every line that is wrong, and without a hash", () => {
    const text = [
      "alice",
      "bob:secret",
      "carol:$apr1$abcdefgh$0123456789abcdefghijkl",
      `dave:${scrypt.replace("ln=10", "ln=20")}`,
      `eve:${scrypt}`,
      `eve:${scrypt}`,
      `a b:${scrypt}`,
      "frank:$2y$15$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
    ].join("\n");
    const hash = (line: number, name: string) =>
      `line ${line}: the hash of "${name}" is neither bcrypt's, of cost 4 to 14, nor scrypt's: write it with htpasswd -B`;
    expect(() => parseUsers(text)).toThrow(
      [
        hash(1, "alice"),
        hash(2, "bob"),
        hash(3, "carol"),
        hash(4, "dave"),
        'line 6: there is another "eve"',
        'line 7: "a b" is not a user name',
        hash(8, "frank"),
      ].join("; "),
    );
  });
});
