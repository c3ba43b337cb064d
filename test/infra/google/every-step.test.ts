import { expect, it } from "vitest";
import { carryOut } from "../../../infra/google/carry-out.ts";
import { difference } from "../../../infra/google/difference.ts";
import { openOperator, readWish } from "../../../infra/google/operator.ts";
import { survey } from "../../../infra/google/survey.ts";
import { isChange, linesOf } from "../../support/changes.ts";
import { freshCloud, startGcloud } from "../../support/deployment.ts";
import { needEmulators } from "../../support/emulators.ts";
import { remembering } from "../../support/remembered.ts";

needEmulators();

it(
  "whichever step fails, the next run goes on from there, until all is there and nothing was made twice",
  { timeout: 900_000 },
  async () => {
    await using cloud = await freshCloud(startGcloud);
    const args = ["--project", cloud.project, "--region", "europe-west1"];
    await using operator = await openOperator(await readWish(args, ""), cloud.terminal());
    const tools = remembering(operator.tools, cloud.stub);
    const failed: string[] = [];

    // In each run one more change is let through than is there already.
    for (let run = 0; ; run += 1) {
      const { live, unread } = await survey(operator.wanted.readings, tools);
      expect(unread).toEqual([]);
      const { steps, obstacles } = difference(operator.wanted.resources, live);
      expect(obstacles).toEqual([]);
      if (steps.length === 0) break;
      let allowed = run === 0 ? 0 : 1;
      cloud.stub.refuse((request) => {
        if (!isChange(request) || (allowed -= 1) >= 0) return undefined;
        return "this step is to fail";
      });
      const outcome = await carryOut(steps, tools, () => undefined, 1);
      if (outcome.state === "done") continue;
      failed.push(`${outcome.step.resource.kind} ${outcome.step.resource.name}`);
      expect(outcome.reason).toContain("this step is to fail");
      expect(run).toBeLessThan(200);
    }
    // Each of them failed, and some of two commands did at the second one as well.
    const wanted = operator.wanted.resources.filter(({ unwanted }) => unwanted !== true);
    const functions = (key: string) => key.startsWith("function ");
    const keys = wanted.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(failed.filter((key) => !functions(key)))).toEqual(
      new Set(keys.filter((key) => !functions(key))),
    );
    expect(failed.filter(functions).length).toBeGreaterThanOrEqual(keys.filter(functions).length);
    const lines = linesOf(cloud.stub.requests, cloud.project);
    expect(new Set(lines).size).toBe(lines.length);
    await expect(`${lines.toSorted().join("\n")}\n`).toMatchFileSnapshot("every-change.txt");
  },
);
