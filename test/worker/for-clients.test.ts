import { expect, it } from "vitest";
import { forClients } from "../../worker/for-clients.ts";

it.each([
  ["ENOSPC: no space left on device, write", "ENOSPC: no space left on device, write"],
  ["ENOENT: no such file, open '/srv/firn/data/staging/1'", "ENOENT: no such file, open '…'"],
  ["nix-instantiate /opt/firn/nix/evaluate.nix ended with 1", "nix-instantiate … ended with 1"],
  ["/nix/store/abc-git-2.39 is damaged", "/nix/store/abc-git-2.39 is damaged"],
  [
    "https://cache.example.com/nar/x.nar answered 500",
    "https://cache.example.com/nar/x.nar answered 500",
  ],
])("of %j clients read %j", (message, shown) => {
  expect(forClients(message)).toBe(shown);
});

it("messages have an end", () => {
  expect(forClients("x".repeat(5000)).length).toBeLessThan(2100);
});
