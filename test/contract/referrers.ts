import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { Referrers } from "../../core/ports.ts";
import type { Referrer } from "../../core/referrer.ts";
import { mediaTypes } from "../../core/manifest.ts";

/** What every `Referrers` promises. */
export function referrersContract(
  adapter: string,
  setUp: () => Promise<AsyncDisposable & { readonly referrers: Referrers }>,
): void {
  const subject = digestOf("image");
  const signature: Referrer = {
    mediaType: mediaTypes.manifest,
    digest: digestOf("signature"),
    size: 700,
    artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    annotations: {
      "org.opencontainers.image.created": "2026-11-24T00:00:00Z",
      __reserved__: "in some stores",
      "": "",
    },
  };

  describe(`the referrers in ${adapter}`, () => {
    it("are none for a digest that nothing refers to", async () => {
      await using set = await setUp();
      await set.referrers.add(subject, signature);
      expect(await set.referrers.list(digestOf("other"))).toEqual([]);
    });

    it("keep all that a descriptor has, and nothing that it has not", async () => {
      await using set = await setUp();
      const { artifactType: _, annotations: __, ...bare } = signature;
      await set.referrers.add(subject, signature);
      await set.referrers.add(digestOf("other"), bare);
      expect(await set.referrers.list(subject)).toEqual([signature]);
      expect(await set.referrers.list(digestOf("other"))).toStrictEqual([bare]);
    });

    it("are listed once each in the order of their digests, however often and in whatever order they were added", async () => {
      await using set = await setUp();
      const all = Array.from({ length: 30 }, (_, i) => ({
        ...signature,
        digest: digestOf(`signature ${i}`),
      }));
      await Promise.all([...all, ...all].map((each) => set.referrers.add(subject, each)));
      const listed = (await set.referrers.list(subject)).map(({ digest }) => digest);
      expect(listed).toEqual(all.map(({ digest }) => digest).sort());
    });

    it("are listed no longer once they were removed", async () => {
      await using set = await setUp();
      const other = { ...signature, digest: digestOf("other signature") };
      await set.referrers.add(subject, signature);
      await set.referrers.add(subject, other);
      await set.referrers.remove(subject, signature.digest);
      await set.referrers.remove(subject, digestOf("none"));
      expect(await set.referrers.list(subject)).toEqual([other]);
    });

    it("are written anew under the same digest", async () => {
      await using set = await setUp();
      await set.referrers.add(subject, signature);
      const { annotations: _, ...later } = { ...signature, artifactType: "text/plain" };
      await set.referrers.add(subject, later);
      expect(await set.referrers.list(subject)).toStrictEqual([later]);
    });
  });
}
