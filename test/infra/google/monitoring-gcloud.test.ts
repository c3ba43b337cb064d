import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { monitoring } from "../../../infra/google/monitoring.ts";
import { need } from "../../support/need.ts";
import { program } from "../../support/program.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** APIs of Google that answer each request with what it sent, and keep it. */
async function startEcho() {
  const requests: { readonly path: string; readonly body: unknown }[] = [];
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const text = Buffer.concat(parts).toString();
      const path = (incoming.url ?? "").replace(/\?.*/, "");
      requests.push({ path, body: JSON.parse(text) as unknown });
      outgoing.setHeader("content-type", "application/json");
      outgoing.end(text);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    [Symbol.dispose]: () => void server.close(),
  };
}

// Each command starts a Python that loads hundreds of modules.
const longestMs = 240_000;

test(
  "gcloud, which knows the forms of the APIs, sends all that is in the files",
  { timeout: longestMs },
  async (context) => {
    need(context, "gcloud");
    await using folder = await temporaryFolder();
    using echo = await startEcho();
    const token = join(folder.path, "token");
    await writeFile(token, "none");
    const env = {
      CLOUDSDK_CONFIG: join(folder.path, "config"),
      CLOUDSDK_CORE_PROJECT: "p",
      CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
      CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: token,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: echo.url,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING: echo.url,
    };
    const { metrics, policies, dashboard } = monitoring({
      prefix: "firn",
      registry: "firn-registry",
      worker: "pool",
      bucket: "firn-blobs",
      runbook: "https://example.com/RUNBOOK.md",
      channels: ["projects/p/notificationChannels/1"],
    });
    // One of each form: the others differ in names and numbers.
    const form = {
      counter: metrics.find(({ name }) => name === "firn-builds"),
      distribution: metrics.find(({ name }) => name === "firn-build-seconds"),
      absence: policies.find(({ userLabels }) => userLabels.alert === "no-worker"),
      ratio: policies.find(({ userLabels }) => userLabels.alert === "error-rate"),
      dashboard,
    };
    const commands: Readonly<Record<keyof typeof form, readonly string[]>> = {
      counter: ["logging", "metrics", "create", "firn-builds", "--config-from-file"],
      distribution: ["logging", "metrics", "create", "firn-build-seconds", "--config-from-file"],
      absence: ["alpha", "monitoring", "policies", "create", "--policy-from-file"],
      ratio: ["alpha", "monitoring", "policies", "create", "--policy-from-file"],
      dashboard: ["monitoring", "dashboards", "create", "--config-from-file"],
    };
    for (const name of Object.keys(form) as (keyof typeof form)[]) {
      const file = join(folder.path, `${name}.json`);
      await writeFile(file, JSON.stringify(form[name]));
      await program("gcloud", [...commands[name], file], { env });
    }
    expect(echo.requests).toEqual([
      { path: "/v2/projects/p/metrics", body: form.counter },
      { path: "/v2/projects/p/metrics", body: form.distribution },
      { path: "/v3/projects/p/alertPolicies", body: form.absence },
      { path: "/v3/projects/p/alertPolicies", body: form.ratio },
      { path: "/v1/projects/p/dashboards", body: form.dashboard },
    ]);
  },
);
