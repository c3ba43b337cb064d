import { expect, it } from "vitest";
import { withoutCredentials } from "../../core/credentials.ts";

it.each([
  [
    "git ls-remote -- https://user:S3cret@git.example.com/p main",
    "git ls-remote -- https://git.example.com/p main",
  ],
  ["fatal: 'https://token@host:8443/x' failed", "fatal: 'https://host:8443/x' failed"],
  ["ssh://git@host/x and http://a:b@c/d", "ssh://host/x and http://c/d"],
  ["nothing to hide: https://host/a@b user@host", "nothing to hide: https://host/a@b user@host"],
])("of %j what may be read is %j", (text, shown) => {
  expect(withoutCredentials(text)).toBe(shown);
});
