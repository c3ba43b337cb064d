import { expect, it } from "vitest";
import { carryOut } from "../../../infra/google/carry-out.ts";
import { difference, removal, type Step } from "../../../infra/google/difference.ts";
import { openOperator, readWish } from "../../../infra/google/operator.ts";
import { keyOf } from "../../../infra/google/resource.ts";
import { survey } from "../../../infra/google/survey.ts";
import { freshCloud, startGcloud } from "../../support/deployment.ts";
import { needEmulators } from "../../support/emulators.ts";

needEmulators();

it(
  "what watches is made, put right where somebody changed it by hand, and taken down",
  { timeout: 400_000 },
  async () => {
    await using cloud = await freshCloud(startGcloud);
    const args = ["--project", cloud.project, "--region", "europe-west1"];
    await using operator = await openOperator(await readWish(args, ""), cloud.terminal());
    const kinds = new Set(["APIs", "log metric", "alert", "dashboard"]);
    const resources = operator.wanted.resources.filter(({ kind }) => kinds.has(kind));
    const apis = new Set(["", "logging.googleapis.com", "monitoring.googleapis.com"]);
    const readings = operator.wanted.readings.filter(({ api }) => apis.has(api));
    const look = async () => {
      const { live, unread } = await survey(readings, operator.tools);
      expect(unread).toEqual([]);
      return live;
    };
    const left = async () => difference(resources, await look()).steps;
    const carry = async (steps: readonly Step[]) =>
      expect(await carryOut(steps, operator.tools, () => undefined)).toEqual({ state: "done" });

    await carry(await left());
    expect(await left()).toEqual([]);

    const { state } = cloud.stub;
    const change = (key: string, members: object) => {
      const [name = "", body] = [...state.resources].find(([, each]) => isCalled(each, key)) ?? [];
      state.resources.set(name, { ...body, ...members });
    };
    change("firn-pulls", { filter: "severity=ERROR" });
    change("firn: no worker takes jobs", { enabled: false });
    change("firn: registry", { labels: {} });
    const names = [...state.resources.keys()];
    const steps = await left();
    expect(steps.map(({ action, resource }) => `${action} ${keyOf(resource)}`)).toEqual([
      "update log metric firn-pulls",
      "update alert firn-no-worker",
      "update dashboard firn: registry",
    ]);
    await carry(steps);
    expect(await left()).toEqual([]);
    expect([...state.resources.keys()]).toEqual(names);

    await carry(removal(resources, await look(), false));
    expect([...state.resources.keys()]).toEqual([]);
  },
);

function isCalled(body: Readonly<Record<string, unknown>>, name: string): boolean {
  return body["name"] === name || body["displayName"] === name;
}
