import { describe, expect, it } from "vitest";
import { publicNixpkgs, type PackageSet } from "../../core/package-set.ts";
import { failed, ready } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry, type Answer, type TestRegistry } from "../support/registry.ts";

const commits = ["1", "2", "3"].map((digit) => digit.repeat(40));
const [first = "", second = "", third = ""] = commits;
const nixpkgs: PackageSet = { kind: "nixpkgs", reference: "nixos-unstable", ...publicNixpkgs };

const tagsOf = ({ text }: Answer): readonly string[] =>
  (JSON.parse(text) as { tags: string[] }).tags;

// Of a client that takes no index: only its own platform is built for it.
const single = { headers: { accept: "application/vnd.oci.image.manifest.v1+json" } };

/** A registry of nixpkgs that has built git at three commits, one of them for arm64, and curl at none. */
async function builtRegistry(): Promise<TestRegistry> {
  const stands: Readonly<Record<string, string>> = {
    "nixos-unstable": first,
    "nixos-25.11": second,
  };
  const registry = await testRegistry({
    packageSet: nixpkgs,
    platforms: ["amd64", "arm64"],
    pin: async (reference = "") => stands[reference],
    build: async () => ready("git"),
  });
  const pulled = ["latest", "nixos-25.11", second].map((tag) => `/v2/git/manifests/${tag}`);
  for (const path of [...pulled, `/v2/arm64/git/manifests/${third}`]) {
    expect(await registry.ask(path, single)).toMatchObject({ status: 200 });
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
      const answer = await registry.ask(`/v2/git/manifests/${tag}`, single);
      expect(answer, tag).toMatchObject({ status: 200 });
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

it.each(["/v2/_catalog", "/v2/git/_catalog", "/v2/git/tags/other"])(
  "there is no listing of all images, nor other paths: %s",
  async (path) => {
    await using registry = await testRegistry();
    expect(problemIn(await registry.ask(path))).toEqual(problem(404, "NAME_UNKNOWN"));
  },
);
