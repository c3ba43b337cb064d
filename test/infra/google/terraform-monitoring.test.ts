import { join } from "node:path";
import { expect, it } from "vitest";
import { monitoring } from "../../../infra/google/monitoring.ts";
import { folder } from "../../support/terraform-deployment.ts";

// In place of what the template is given; Terraform's own marks are escaped before it gets its own.
const mark = (name: string) => `<<${name}>>`;

/** What watches a deployment, as a template of Terraform's. */
function template(): string {
  const watching = (worker: "service" | "pool") =>
    monitoring({
      prefix: mark("prefix"),
      registry: `${mark("prefix")}-registry`,
      worker,
      bucket: mark("bucket"),
      runbook: mark("runbook"),
      channels: [],
    });
  const both = { service: watching("service"), pool: watching("pool") };
  const text = JSON.stringify(both, undefined, 1).replaceAll(/[$%](?=\{)/g, "$&$&");
  return `${text.replaceAll(/<<(\w+)>>/g, "${$1}")}\n`;
}

it("Terraform's template is of the same data that gcloud is handed: vitest -u writes it", async () => {
  await expect(template()).toMatchFileSnapshot(join(folder, "monitoring.json.tftpl"));
});
