import { expect, it } from "vitest";
import { fixture, startFramework } from "../support/framework.ts";

const source = fixture("framework", "function.ts");

it("the functions framework, as published, hands every request over as it came", async () => {
  await using server = await startFramework(source, "registry");
  for (const url of ["/v2/git/manifests/latest", "/v2/%ZZ", "/favicon.ico", "/a//b%2Fc?d=1"]) {
    const response = await fetch(server.url + url);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ url });
    expect(response.headers.get("x-powered-by")).toBeNull();
  }
});

it("on SIGTERM what is held is answered at once, and the process ends by itself", async () => {
  await using server = await startFramework(source, "registry");
  const held = Array.from({ length: 3 }, () => fetch(`${server.url}/held`, { redirect: "manual" }));
  await fetch(`${server.url}/v2/`);
  const before = performance.now();
  server.kill("SIGTERM");
  const answers = await Promise.all(held);
  expect(answers.map(({ status }) => status)).toEqual([307, 307, 307]);
  expect(await server.exited).toBe(0);
  // Connections that are kept alive are closed, and not waited for.
  expect(performance.now() - before).toBeLessThan(900);
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
});
