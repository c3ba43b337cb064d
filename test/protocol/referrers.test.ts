import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { referrerOf, type Referrer } from "../../core/referrer.ts";
import { manifestOf, ready } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry, type Answer } from "../support/registry.ts";

describe("referrers", () => {
  const subject = manifestOf("git").digest;
  const path = `/v2/git/referrers/${subject}`;
  const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const referrer = (name: string, artifactType: string | undefined, notes = ""): Referrer => ({
    mediaType: mediaTypes.manifest,
    digest: digestOf(name),
    size: name.length,
    ...(artifactType !== undefined && { artifactType }),
    annotations: { notes },
  });
  const listed = ({ text }: Answer) =>
    (JSON.parse(text) as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest);
  const inOrder = (...all: readonly Referrer[]) => all.map(({ digest }) => digest).sort();

  it.each([
    path,
    `/v2/git/referrers/sha512:${"a".repeat(128)}`,
    `/v2/never/built/referrers/${subject}`,
  ])("answers 200 with an index without entries where nothing refers: %s", async (unknown) => {
    await using registry = await testRegistry();
    expect(await registry.ask(unknown)).toMatchObject({
      status: 200,
      headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
      text: `{"schemaVersion":2,"mediaType":"${mediaTypes.index}","manifests":[]}`,
    });
    expect(registry.jobs).toEqual([]);
  });

  it.each(["sha256:x", "latest", `sha256:${"A".repeat(64)}`, `md5:${"a".repeat(32)}`, ""])(
    "answers 400 to what is no digest: %s",
    async (odd) => {
      await using registry = await testRegistry();
      expect(problemIn(await registry.ask(`/v2/git/referrers/${odd}`))).toEqual(
        problem(400, "DIGEST_INVALID"),
      );
    },
  );

  it("gives each descriptor as it was added, with its artifact type and all annotations, in the order of digests", async () => {
    await using registry = await testRegistry();
    const all = [
      referrer("one", bundle, "first"),
      referrer("two", undefined),
      referrer("three", "a/b"),
    ];
    for (const each of all) await registry.referrers.add(subject, each);
    await registry.referrers.add(digestOf("other"), referrer("four", bundle));
    const { text } = await registry.ask(path);
    const { manifests } = JSON.parse(text) as { manifests: Referrer[] };
    expect(manifests).toEqual(all.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)));
  });

  it("makes the descriptor of a manifest with its artifact type, else its configuration's, and an index's own alone", () => {
    const describeIt = (mediaType: string, document: object) => {
      const bytes = new TextEncoder().encode(JSON.stringify(document));
      return referrerOf({ digest: digestOf(bytes), mediaType, bytes });
    };
    const config = { mediaType: "application/spdx+json" };
    const refers = { subject: { digest: subject } };
    const annotations = { a: "1" };
    const whole = describeIt(mediaTypes.manifest, {
      ...refers,
      artifactType: bundle,
      config,
      annotations,
    });
    expect(whole).toMatchObject({ subject, referrer: { artifactType: bundle, annotations } });
    expect(describeIt(mediaTypes.manifest, { ...refers, config })?.referrer.artifactType).toBe(
      "application/spdx+json",
    );
    expect(describeIt(mediaTypes.index, { ...refers, config })?.referrer).not.toHaveProperty(
      "artifactType",
    );
    expect(describeIt(mediaTypes.manifest, { config })).toBeUndefined();
  });

  it("leaves out all but the artifact types that were asked for, any of them, and says that it did", async () => {
    await using registry = await testRegistry();
    const [one, two] = [referrer("one", bundle), referrer("two", "application/spdx+json")];
    const three = referrer("three", undefined);
    for (const each of [one, two, three]) await registry.referrers.add(subject, each);
    const ask = (query: string) => registry.ask(`${path}?${query}`);
    const type = (of: string) => `artifactType=${encodeURIComponent(of)}`;
    const filtered = await ask(type(bundle));
    expect(listed(filtered)).toEqual([one.digest]);
    expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
    expect(listed(await ask(`${type(bundle)}&${type("application/spdx+json")}`))).toEqual(
      inOrder(one, two),
    );
    expect(listed(await ask(type("text/plain")))).toEqual([]);
    const all = await ask("other=1");
    expect(listed(all)).toEqual(inOrder(one, two, three));
    expect(all.headers).not.toHaveProperty("oci-filters-applied");
  });

  it("comes in pages of at most 4 MiB, each with a link to the next that keeps the filter", async () => {
    await using registry = await testRegistry();
    const all = Array.from({ length: 9 }, (_, i) =>
      referrer(`large ${i}`, i === 0 ? "text/plain" : bundle, "é".repeat(500_000)),
    );
    for (const each of all) await registry.referrers.add(subject, each);
    const seen: string[] = [];
    const pages: number[] = [];
    let next: string | undefined = `${path}?artifactType=${encodeURIComponent(bundle)}`;
    while (next !== undefined) {
      const answer: Answer = await registry.ask(next);
      expect(Buffer.byteLength(answer.text)).toBeLessThanOrEqual(4 * 1024 * 1024);
      expect(answer.headers["oci-filters-applied"]).toBe("artifactType");
      pages.push(listed(answer).length);
      seen.push(...listed(answer));
      next = /^<(.+)>; rel="next"$/.exec(String(answer.headers["link"] ?? ""))?.[1];
    }
    expect(pages).toEqual([4, 4]);
    expect(seen).toEqual(inOrder(...all.slice(1)));
  });

  it("is asked of the store once for a thousand pulls, and told from memory while the store is out of reach", async () => {
    let asked = 0;
    let isOut = false;
    await using registry = await testRegistry({
      referrersOf: async () => {
        asked += 1;
        if (isOut) throw new Error("no answer");
        return [];
      },
    });
    for (let i = 0; i < 1000; i++) expect(await registry.ask(path)).toMatchObject({ status: 200 });
    expect(asked).toBe(1);
    isOut = true;
    registry.advance(60_000);
    expect(await registry.ask(path)).toMatchObject({ status: 200 });
    expect(asked).toBe(2);
    // An outage never looks like "nothing refers to it" where that is not known.
    const unknown = `/v2/git/referrers/${digestOf("never asked for")}`;
    expect(await registry.ask(unknown)).toMatchObject({ status: 503 });
  });

  it("is never the tag schema: sha256-<hex> is 404 at once, and nothing is built", async () => {
    await using registry = await testRegistry({ build: async () => ready("git") });
    for (const suffix of ["", ".sig", ".att", ".sbom"]) {
      const tag = subject.replace(":", "-") + suffix;
      expect(problemIn(await registry.ask(`/v2/git/manifests/${tag}`))).toEqual(
        problem(404, "MANIFEST_UNKNOWN"),
      );
    }
    expect(registry.jobs).toEqual([]);
  });
});
