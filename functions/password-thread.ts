import { scryptSync, timingSafeEqual } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";
import type { PasswordAnswer, PasswordQuestion } from "./password-check.ts";

// Run as a thread by password-check.ts, which asks one question at a time.
parentPort?.on("message", ({ password, hash }: PasswordQuestion) => {
  const matches = hash.startsWith("$scrypt$")
    ? matchesScrypt(password, hash)
    : compareSync(password, hash);
  const answer: PasswordAnswer = { matches };
  // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
  parentPort?.postMessage(answer);
});

function matchesScrypt(password: string, hash: string): boolean {
  const [, , settings = "", salt = "", key = ""] = hash.split("$");
  const [ln = 0, r = 0, p = 0] = settings.split(",").map((each) => Number(each.split("=")[1]));
  const wanted = Buffer.from(key, "base64");
  const options = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r };
  const found = scryptSync(password, Buffer.from(salt, "base64"), wanted.byteLength, options);
  return timingSafeEqual(found, wanted);
}
