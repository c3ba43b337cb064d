import { describe, expect, it } from "vitest";
import { openAccounts, alice, path } from "../support/account-registry.ts";
import { failed, ready } from "../support/builds.ts";
import { eventually } from "../support/eventually.ts";
import { problem, problemIn } from "../support/problem.ts";
import { heldBuilds, openWith } from "../support/quota-registry.ts";

describe("a cold pull beyond the quota", () => {
  it("is answered with 429, whose quota it is, and when there is room again, which is true", async () => {
    await using set = await openWith("client=2/minute");
    expect(await set.statuses(["git"], ["jq"])).toEqual([200, 200]);
    const refused = await set.pull("htop");
    expect(problemIn(refused)).toEqual(
      problem(
        429,
        "TOOMANYREQUESTS",
        /^htop:latest is not there yet, and 192\.0\.2\.7 may have no more than 2 new images a minute: pull again in \d+ s$/,
      ),
    );
    const seconds = Number(refused.headers["retry-after"]);
    expect(seconds).toBeGreaterThan(55);
    expect(seconds).toBeLessThanOrEqual(61);
    expect(set.built()).toBe(2);
    set.advance((seconds - 2) * 1000);
    expect(await set.statuses(["htop"])).toEqual([429]);
    set.advance(2000);
    expect(await set.statuses(["htop"])).toEqual([200]);
  });

  it("keeps nobody from what is there, or has failed, or from what others have built", async () => {
    await using set = await openWith("client=1/day", {
      build: async (_key, _report, image) =>
        image.packages.includes("wrong") ? failed() : ready(image.packages.join()),
    });
    expect(await set.statuses(["wrong"], ["wrong"], ["git"])).toEqual([404, 404, 429]);
    expect(await set.statuses(["git", "192.0.2.8"], ["git"], ["git"])).toEqual([200, 200, 200]);
    // What has failed costs as much when it is tried again.
    set.advance(60_000);
    expect(await set.statuses(["wrong"])).toEqual([429]);
  });

  it("is looked for up to twenty times a second, and no more, while what is in memory is served", async () => {
    const reads: string[] = [];
    await using set = await openWith("client=1/hour", {
      cacheOf: (cache) => ({
        ...cache,
        read: async (key) => (reads.push(key), await cache.read(key)),
      }),
    });
    expect(await set.statuses(["git"], ["jq"])).toEqual([200, 429]);
    reads.length = 0;
    const names = Array.from({ length: 60 }, (_, i) => `cold${i}`);
    const answers = await Promise.all(names.map((name) => set.pull(name)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([429]));
    const messages = answers.map((answer) => problemIn(answer).message);
    const unread = messages.filter((message) => message.includes(" may not be there yet, and "));
    // A second may end meanwhile.
    expect(reads.length).toBeLessThanOrEqual(40);
    expect(unread.length).toBe(60 - reads.length);
    expect(answers.at(-1)?.headers["retry-after"]).toMatch(/^\d{4}$/);
    expect(await set.statuses(["git"], ["htop", "192.0.2.8"])).toEqual([200, 200]);
  });

  it("is a line of the log with who, from where, what and why, and begins nothing", async () => {
    await using set = await openWith("client=1/day");
    await set.statuses(["git"], ["jq"]);
    const lines = set.events.filter(({ severity }) => severity === "WARNING");
    expect(lines).toMatchObject([
      {
        message:
          "refused anonymous at 192.0.2.7: jq:latest would have to be built, and 192.0.2.7 may have no more than 1 new image a day",
        fields: { who: "anonymous", address: "192.0.2.7" },
      },
    ]);
    // Ten thousand of them are not as many lines.
    expect(set.events.filter(({ message }) => message.includes("jq"))).toHaveLength(1);
  });
});

describe("what is counted", () => {
  it("is one build, however many pulls ask for it at once and wait for it", async () => {
    const { worker, finish } = heldBuilds();
    await using set = await openWith("client=2/day", worker);
    const asked = await Promise.all(Array.from({ length: 50 }, () => set.pull("git")));
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([307]));
    expect((await set.ask("/v2/git/manifests/latest?wait=1", { peer: "192.0.2.7" })).status).toBe(
      307,
    );
    expect(await set.statuses(["jq"], ["htop"])).toEqual([307, 429]);
    finish();
    await eventually("it is built", async () => (await set.pull("git")).status === 200);
  });

  it("is charged to the first of many who ask for one image at once, and keeps no other away", async () => {
    await using set = await openWith("client=1/day; all=1/day");
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, i) => set.pull("git", `192.0.2.${i}`)),
    );
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200]));
    expect(set.built()).toBe(1);
    expect(await set.statuses(["jq", "192.0.2.99"])).toEqual([429]);
  });

  it("is a build for each platform that is begun", async () => {
    await using set = await openWith("client=3/day", { platforms: ["amd64", "arm64"] });
    const index = { accept: "application/vnd.oci.image.index.v1+json" };
    const both = async (name: string) =>
      (await set.ask(`/v2/${name}/manifests/latest`, { peer: "192.0.2.7", headers: index })).status;
    expect(await both("git")).toBe(200);
    expect(await both("jq")).toBe(429);
    expect(set.built()).toBe(3);
  });

  it("is the look-up of a tag that was not found yet, once", async () => {
    await using set = await openWith("client=3/day", {
      packageSet: { kind: "git", url: "https://example.com/p", reference: "main" },
      pin: async (reference) => (reference === "gone" ? undefined : reference),
    });
    const v1 = Array.from({ length: 20 }, () => set.pull("git", "192.0.2.7", "v1"));
    expect(new Set((await Promise.all(v1)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(await set.statuses(["git", "192.0.2.7", "gone"])).toEqual([404]);
    expect(await set.statuses(["git", "192.0.2.7", "gone"])).toEqual([404]);
    expect(await set.statuses(["git", "192.0.2.7", "v2"])).toEqual([429]);
    expect(set.jobs.filter(({ kind }) => kind === "pin")).toHaveLength(2);
    // The look-up is another's, and so is the build.
    expect(await set.statuses(["git", "192.0.2.8", "v2"])).toEqual([200]);
    expect(await set.statuses(["git", "192.0.2.7", "v2"])).toEqual([200]);
  });

  it("is nothing more while a look-up is under way", async () => {
    const found = Promise.withResolvers<string>();
    await using set = await openWith("client=1/day", {
      packageSet: { kind: "git", url: "https://example.com/p", reference: "main" },
      holdMs: 50,
      pin: () => found.promise,
    });
    const v1 = ["git", "192.0.2.7", "v1"] as const;
    expect(await set.statuses([...v1], [...v1], [...v1])).toEqual([307, 307, 307]);
    set.advance(20_000);
    expect(await set.statuses([...v1])).toEqual([307]);
    found.resolve("v1");
    await eventually("it is found, and its build is one too many", async () => {
      return (await set.pull(...v1)).status === 429;
    });
  });

  it("is nothing where it could not be begun", async () => {
    let canPublish = false;
    await using set = await openWith("client=1/day", { canPublish: () => canPublish });
    canPublish = true;
    await set.pull("git", "192.0.2.9");
    canPublish = false;
    expect(await set.statuses(["jq"], ["htop"])).toEqual([503, 503]);
    canPublish = true;
    expect(await set.statuses(["jq"], ["htop"])).toEqual([200, 429]);
  });

  it("is counted by address, of which whoever has one of IPv6 has the whole network", async () => {
    await using set = await openWith("client=1/day", { trustedHops: 1 });
    const from = async (name: string, forwarded: string) =>
      await set.ask(`/v2/${name}/manifests/latest`, {
        peer: "127.0.0.1",
        headers: { "x-forwarded-for": forwarded },
      });
    expect((await from("git", "2001:db8:0:1::1")).status).toBe(200);
    const refused = await from("jq", "203.0.113.9, 2001:DB8:0:1:ffff::2");
    expect(refused.status).toBe(429);
    expect(refused.text).toContain("2001:db8:0:1::/64 may have no more than");
    expect((await from("jq", "2001:db8:0:2::1")).status).toBe(200);
    expect((await from("htop", "2001:db8:0:1::1, 192.0.2.1")).status).toBe(200);
  });

  it("is counted by account of who has signed in, wherever they are", async () => {
    await using set = await openAccounts(
      { access: "anonymous=build, user:alice=build" },
      { quota: "client=1/day; anonymous=1/day" },
    );
    const pull = async (name: string, ...who: readonly string[]) =>
      await set.send(`/v2/${name}/manifests/latest`, ...who);
    expect((await pull("git")).status).toBe(200);
    expect((await pull("jq", alice)).status).toBe(200);
    const refused = await pull("htop", alice);
    expect(problemIn(refused).message).toMatch(/and user:alice may have no more than 1 new image/);
    const elsewhere = await set.ask("/v2/htop/manifests/latest", { peer: "192.0.2.99" });
    expect(problemIn(elsewhere).message).toMatch(/and all who have not signed in may have no more/);
    expect((await set.send(path)).status).toBe(200);
  });
});
