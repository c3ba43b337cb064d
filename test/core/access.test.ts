import { describe, expect, it } from "vitest";
import { parseAccess, permissionOf, whoIs, type Subject } from "../../core/access.ts";

const anonymous: Subject = { kind: "anonymous" };
const user = (name: string): Subject => ({ kind: "user", name });
const google = (email: string, domain?: string): Subject => ({ kind: "google", email, domain });
const robot = "puller@project.iam.gserviceaccount.com";

describe("rules of access", () => {
  it.each<[string, Subject, "pull" | "build" | undefined]>([
    ["anonymous=build", anonymous, "build"],
    ["anonymous=pull", anonymous, "pull"],
    ["user:*=pull", anonymous, undefined],
    ["anonymous=pull, user:alice=build", user("alice"), "build"],
    ["user:alice=build, anonymous=pull", user("bob"), "pull"],
    ["anonymous=build, user:alice=pull", user("alice"), "build"],
    ["user:alice=build", user("Alice"), undefined],
    ["user:*=pull", { kind: "token", name: "alice" }, undefined],
    ["token:ci=build", { kind: "token", name: "ci" }, "build"],
    ["google:bob@example.com=pull", google("bob@example.com"), "pull"],
    ["google:*@example.com=pull", google("bob@example.com", "example.com"), "pull"],
    // Whoever has an address of a domain need not belong to it.
    ["google:*@example.com=pull", google("bob@example.com"), undefined],
    ["google:*@example.com=pull", google("bob@evil.example.com", "evil.example.com"), undefined],
    ["google:*@example.com=pull", user("bob@example.com"), undefined],
    [`google:${robot}=pull`, google(robot, robot.split("@")[1]), "pull"],
    ["google:*@project.iam.gserviceaccount.com=pull", google(robot, robot.split("@")[1]), "pull"],
  ])("%s: %o may %s", (rules, subject, permission) => {
    expect(permissionOf(parseAccess(rules), subject)).toBe(permission);
  });

  it.each([
    ["", "it lets nobody in"],
    ["alice", '"alice" does not end with =pull or =build'],
    ["user:alice=push", '"user:alice=push" does not end with =pull or =build'],
    ["alice=pull", '"alice" is nobody'],
    ["user:=pull", '"user:" is nobody'],
    ["user:a b=pull", '"user:a b" is nobody'],
    ["google:example.com=pull", '"google:example.com" is nobody'],
    ["google:*=pull", '"google:*" is nobody'],
    ["anonymous:x=pull", '"anonymous:x" is nobody'],
  ])('"%s" is not understood: %s', (text, message) => {
    expect(() => parseAccess(text)).toThrow(message);
  });

  it("call people as logs and lists of who is blocked do", () => {
    expect([anonymous, user("alice"), google("bob@example.com")].map(whoIs)).toEqual([
      "anonymous",
      "user:alice",
      "google:bob@example.com",
    ]);
  });
});
