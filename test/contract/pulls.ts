import { describe, expect, it } from "vitest";
import type { Pulls } from "../../core/ports.ts";

/** What every `Pulls` promises. */
export function pullsContract(
  adapter: string,
  setUp: () => Promise<AsyncDisposable & { readonly pulls: Pulls }>,
): void {
  describe(`the pulls in ${adapter}`, () => {
    it("are listed by pin, the latest first, each image once, none that is older", async () => {
      await using set = await setUp();
      const { pulls } = set;
      expect(await pulls.recent("latest", 0, 10)).toEqual([]);
      await pulls.note("latest", "amd64/git", 10);
      await pulls.note("latest", "amd64/shell/curl", 20);
      await pulls.note("latest", "amd64/htop", 30);
      await pulls.note("latest", "amd64/git", 40);
      await pulls.note("other", "amd64/jq", 50);
      expect(await pulls.recent("latest", 0, 10)).toEqual([
        "amd64/git",
        "amd64/htop",
        "amd64/shell/curl",
      ]);
      expect(await pulls.recent("latest", 30, 10)).toEqual(["amd64/git", "amd64/htop"]);
      expect(await pulls.recent("latest", 0, 1)).toEqual(["amd64/git"]);
      expect(await pulls.recent("latest", 0, 0)).toEqual([]);
    });

    it("take a pin and an image of any length that a name may have", async () => {
      await using set = await setUp();
      const image = `amd64/${"python3packages.requests/".repeat(9)}git`;
      const pin = JSON.stringify(["git+https://git.example.com/a/b", "", "feature/x"]);
      await set.pulls.note(pin, image, 1);
      expect(await set.pulls.recent(pin, 0, 10)).toEqual([image]);
    });
  });
}
