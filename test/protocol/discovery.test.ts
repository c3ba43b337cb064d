import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { publicNixpkgs, type PackageSet } from "../../core/package-set.ts";
import { referrerOf, type Referrer } from "../../core/referrer.ts";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry, type Answer, type TestRegistry } from "../support/registry.ts";

const commits = ["1", "2", "3"].map((digit) => digit.repeat(40));
const [first = "", second = "", third = ""] = commits;
const nixpkgs: PackageSet = { kind: "nixpkgs", reference: "nixos-unstable", ...publicNixpkgs };

const tagsOf = ({ text }: Answer): readonly string[] =>
  (JSON.parse(text) as { tags: string[] }).tags;

/** A registry of nixpkgs that has built git at three commits, one of them for arm64, and curl at none. */
async function builtRegistry(): Promise<TestRegistry> {
  const stands: Readonly<Record<string, string>> = {
    "nixos-unstable": first,
    "nixos-25.11": second,
  };
  const registry = await testRegistry({
    packageSet: nixpkgs,
    pin: async (reference = "") => stands[reference],
    build: async () => ready("git"),
  });
  const pulled = ["latest", "nixos-25.11", second].map((tag) => `/v2/git/manifests/${tag}`);
  for (const path of [...pulled, `/v2/arm64/git/manifests/${third}`]) {
    expect(await registry.ask(path)).toMatchObject({ status: 200 });
  }
  expect(await registry.ask("/v2/git/manifests/nosuchbranch")).toMatchObject({ status: 404 });
  return registry;
}

describe("tags/list", () => {
  it("answers 200 for every name that can be pulled, built or not, and starts nothing", async () => {
    await using registry = await testRegistry({ packageSet: nixpkgs });
    for (const name of ["git", "shell/git", "arm64/python3packages.requests", "a/b/c"]) {
      expect(await registry.ask(`/v2/${name}/tags/list`)).toMatchObject({
        status: 200,
        headers: { "content-type": "application/json" },
        text: JSON.stringify({ name, tags: ["latest", "nixos-unstable"] }),
      });
    }
    expect(registry.jobs).toEqual([]);
  });

  it("lists what the registry can serve of a name in byte order, each once: references, and revisions of this image", async () => {
    await using registry = await builtRegistry();
    const references = ["latest", "nixos-25.11", "nixos-unstable"];
    const tags = async (name: string) => tagsOf(await registry.ask(`/v2/${name}/tags/list`));
    expect(await tags("git")).toEqual([...commits, ...references]);
    expect(await tags("arm64/git")).toEqual([third, ...references]);
    expect(await tags("amd64/git")).toEqual([first, second, ...references]);
    expect(await tags("curl")).toEqual(references);
    expect(await tags("shell/git")).toEqual(references);
    const jobs = registry.jobs.length;
    for (const tag of await tags("git")) {
      expect(await registry.ask(`/v2/git/manifests/${tag}`), tag).toMatchObject({ status: 200 });
    }
    // Of these only the third commit was built for another platform.
    expect(registry.jobs.length - jobs).toBe(1);
  });

  it("lists nothing that is no tag, or a reference of another package set", async () => {
    const git: PackageSet = { kind: "git", url: "https://example.com/p", reference: "feature/x" };
    await using registry = await testRegistry({ packageSet: git });
    const current = { revision: first, resolvedAt: 1 };
    for (const [id, reference] of [
      [["git+https://example.com/p", "", "main"], "main"],
      [["git+https://example.com/p", "", "odd/branch"], "odd/branch"],
      [["git+https://example.com/p", "", `sha256-${"a".repeat(64)}`], `sha256-${"a".repeat(64)}`],
      [["nixpkgs", "", "nixos-25.11"], "nixos-25.11"],
    ] as const) {
      await registry.pins.replace(JSON.stringify(id), 0, { reference, askedAt: 1, current });
    }
    expect(tagsOf(await registry.ask("/v2/git/tags/list"))).toEqual(["latest", "main"]);
  });

  it("gives n tags and links to the next ones until there are no more", async () => {
    await using registry = await builtRegistry();
    const all = tagsOf(await registry.ask("/v2/git/tags/list"));
    const seen: string[] = [];
    const pages: number[] = [];
    let path: string | undefined = "/v2/git/tags/list?n=4";
    while (path !== undefined) {
      const answer: Answer = await registry.ask(path);
      const tags = tagsOf(answer);
      pages.push(tags.length);
      seen.push(...tags);
      const link = answer.headers["link"];
      const [, next] = /^<(.+)>; rel="next"$/.exec(String(link ?? "")) ?? [];
      expect(next).toBe(
        link === undefined ? undefined : `/v2/git/tags/list?n=4&last=${tags.at(-1)}`,
      );
      path = next;
    }
    expect(pages).toEqual([4, 2]);
    expect(seen).toEqual(all);
  });

  it("begins after last, also alone and when there is no such tag, and gives an empty list without a link for n=0", async () => {
    await using registry = await builtRegistry();
    const ask = (query: string) => registry.ask(`/v2/git/tags/list?${query}`);
    expect(tagsOf(await ask("last=nixos-25.11"))).toEqual(["nixos-unstable"]);
    expect(tagsOf(await ask("last=m"))).toEqual(["nixos-25.11", "nixos-unstable"]);
    expect(tagsOf(await ask("last=zz"))).toEqual([]);
    for (const query of ["n=0", "n=0&last=latest", "n=6", "n=1000", "last=m", "n=2&last=m"]) {
      expect((await ask(query)).headers, query).not.toHaveProperty("link");
    }
    expect(tagsOf(await ask("n=0"))).toEqual([]);
    expect(tagsOf(await ask("n=1000"))).toHaveLength(6);
  });

  it.each(["many", "-1", "1.5", "", "0x10", "1e3"])(
    "refuses n=%s with the value in the message",
    async (n) => {
      await using registry = await testRegistry();
      const answer = await registry.ask(`/v2/git/tags/list?n=${n}`);
      expect(problemIn(answer)).toEqual(
        problem(400, "UNSUPPORTED", new RegExp(`^"${n}" is not a number of tags`)),
      );
    },
  );

  it("of a name whose packages are unknown where latest stands is 404 NAME_UNKNOWN, and says why", async () => {
    const message = 'there is no package "gti" (did you mean git?)';
    await using registry = await testRegistry({
      build: async () => failed({ reason: "packages-unknown", message }),
    });
    expect(await registry.ask("/v2/gti/tags/list")).toMatchObject({ status: 200 });
    await registry.ask("/v2/gti/manifests/latest");
    expect(problemIn(await registry.ask("/v2/gti/tags/list"))).toEqual(
      problem(404, "NAME_UNKNOWN", /did you mean git/),
    );
    expect(await registry.ask("/v2/git/tags/list")).toMatchObject({ status: 200 });
  });

  it("of a name that does not build is 200 all the same: it may build at another revision", async () => {
    await using registry = await testRegistry({ build: async () => failed() });
    await registry.ask("/v2/git/manifests/latest");
    expect(await registry.ask("/v2/git/tags/list")).toMatchObject({ status: 200 });
  });

  it.each(["Git", "g++", "a//b", "arm64"])(
    "of %s, which is no name of an image, is 400",
    async (name) => {
      await using registry = await testRegistry();
      const path = `/v2/${encodeURIComponent(name).replaceAll("%2F", "/")}/tags/list`;
      expect(problemIn(await registry.ask(path))).toEqual(problem(400, "NAME_INVALID"));
    },
  );
});

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

it.each(["/v2/_catalog", "/v2/git/_catalog", "/v2/git/tags/other"])(
  "there is no listing of all images, nor other paths: %s",
  async (path) => {
    await using registry = await testRegistry();
    expect(problemIn(await registry.ask(path))).toEqual(problem(404, "NAME_UNKNOWN"));
  },
);
