import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { decodeJob } from "../../../core/job-message.ts";
import { placeOf } from "../../../infra/google/deployment.ts";
import { parseDeploymentSettings } from "../../../infra/google/deployment-settings.ts";
import { awaitPull, firstPin } from "../../../infra/google/first-pull.ts";

const signal = AbortSignal.timeout(60_000);

const headers: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  307: { location: "/v2/hello/manifests/latest?wait=1" },
  401: { "www-authenticate": 'Bearer realm="https://firn.example.com/token",service="firn"' },
};

/** A registry that answers with each of these in turn, and with the last of them from then on. */
async function registryOf(...answers: readonly (readonly [number, string])[]) {
  let asked = 0;
  const server = createServer((_, response) => {
    const [code, text] = answers[Math.min(asked, answers.length - 1)] ?? [200, ""];
    asked += 1;
    response.writeHead(code, headers[code] ?? {});
    response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is not a pipe
  const close = async () => void server.close();
  return { address: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

it("a first pull is waited for as clients wait, and what is in the way is said once", async () => {
  const busy = [503, "no worker yet"] as const;
  await using registry = await registryOf(
    busy,
    busy,
    [307, ""],
    [429, "still building"],
    [307, ""],
    [200, "{}"],
  );
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  await awaitPull({ address: registry.address, image: "hello", say, signal, pauseMs: 1 });
  expect(said).toEqual(["  not yet: 503 no worker yet", "  not yet: 429 still building"]);
});

it("a registry that asks for an account is up, and what it has is not waited for", async () => {
  await using registry = await registryOf([503, "no worker yet"], [401, "{}"]);
  const { address } = registry;
  const waiting = { address, image: "hello", say: () => undefined, signal, pauseMs: 1 };
  expect(await awaitPull(waiting)).toBe("needs an account");
});

it("a first pull that does not come is given up with the last of what was in the way", async () => {
  await using registry = await registryOf([404, "there is no package hello"]);
  const waiting = awaitPull({
    address: registry.address,
    image: "hello",
    say: () => undefined,
    signal,
    limitMs: 20,
    pauseMs: 1,
  });
  await expect(waiting).rejects.toThrow("404 there is no package hello");
});

it("the first pin is the question where latest stands, as the worker reads it", () => {
  const where = { project: "my-project", number: "1", region: "europe-west1" };
  const settings = parseDeploymentSettings("FIRN_PACKAGE_SET=nixpkgs:nixos-25.11", where.project);
  const { args = [] } = firstPin(placeOf(where, settings), settings) ?? {};
  expect(args.slice(0, 4)).toEqual(["pubsub", "topics", "publish", "firn-pins"]);
  const message = args.find((arg) => arg.startsWith("--message="))?.slice("--message=".length);
  const decoded = decodeJob(new TextEncoder().encode(message));
  expect(decoded).toMatchObject({ state: "job", job: { kind: "pin" } });
  expect(JSON.stringify(decoded)).toContain("nixos-25.11");
});

it("a commit stands where it stands, and nobody is asked", () => {
  const where = { project: "my-project", number: "1", region: "europe-west1" };
  const text = `FIRN_PACKAGE_SET=nixpkgs:${"a".repeat(40)}`;
  const settings = parseDeploymentSettings(text, where.project);
  expect(firstPin(placeOf(where, settings), settings)).toBeUndefined();
});
