import pLimit from "p-limit";
import { messageOf } from "../../core/log.ts";
import type { Step } from "./difference.ts";
import { complete, type Tools } from "./tools.ts";
import { keyOf, type Command } from "./resource.ts";

/** What came of some steps: all were done, or one failed and those after it were not begun. */
export type Outcome =
  | { readonly state: "done" }
  | {
      readonly state: "failed";
      readonly done: number;
      readonly step: Step;
      readonly reason: string;
    };

// Most of what a step takes is waiting for Google.
const usualAtOnce = 4;

/**
 * Does steps in their order, and says each. Steps of one kind that follow each other are done at the same time, but for
 * changes of one policy. After a failure nothing is begun; what is on its way is waited for. Doing the rest another
 * time is safe: each step is there or is not.
 */
export async function carryOut(
  steps: readonly Step[],
  tools: Tools,
  say: (line: string) => void,
  atOnce = usualAtOnce,
): Promise<Outcome> {
  let done = 0;
  const failures: { readonly step: Step; readonly reason: string }[] = [];

  async function doStep(step: Step, number: number): Promise<void> {
    if (failures.length > 0) return;
    say(`[${number}/${steps.length}] ${headline(step)}`);
    try {
      for (const command of step.commands) await tools.run(command);
      done += 1;
    } catch (error) {
      failures.push({ step, reason: messageOf(error) });
    }
  }

  const limit = pLimit(atOnce);
  for (const group of groupsOf(steps, atOnce)) {
    if (failures.length > 0) break;
    const queues = Map.groupBy(group, ({ step }) => policyOf(step) ?? keyOf(step.resource));
    const inTurn = async (queue: readonly Numbered[]) => {
      for (const { step, number } of queue) await doStep(step, number);
    };
    await Promise.all([...queues.values()].map((queue) => limit(inTurn, queue)));
  }
  const [first] = failures;
  return first === undefined ? { state: "done" } : { state: "failed", done, ...first };
}

interface Numbered {
  readonly step: Step;
  readonly number: number;
}

// One at a time, they are done in their order.
function groupsOf(steps: readonly Step[], atOnce: number): readonly (readonly Numbered[])[] {
  const groups: Numbered[][] = [];
  for (const [index, step] of steps.entries()) {
    const last = groups.at(-1);
    const numbered = { step, number: index + 1 };
    const alike = last?.[0]?.step.resource.kind === step.resource.kind;
    if (alike && atOnce > 1) last?.push(numbered);
    else groups.push([numbered]);
  }
  return groups;
}

// A policy is read, changed and written as a whole.
function policyOf({ resource }: Step): string | undefined {
  return resource.kind === "access" && resource.within ? keyOf(resource.within) : undefined;
}

export function headline({ action, resource, because }: Step): string {
  return `${action} ${resource.kind} ${resource.name}: ${because}`;
}

/** Steps as somebody could type them. */
export function describePlan(steps: readonly Step[], project: string): readonly string[] {
  return steps.flatMap((step, index) => [
    `${index + 1}. ${headline(step)}`,
    ...step.commands.map((command) => `     ${typed(command, project)}`),
  ]);
}

function typed({ program, args, input }: Command, project: string): string {
  if (program === "bundle") return `npm run bundle -- --out ${args.join(" ")}`;
  const all = program === "gcloud" ? complete(args, project) : args;
  const reads = input === undefined ? [] : ["<<<", quoted(input)];
  return [program, ...all.map(quoted), ...reads].join(" ");
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
