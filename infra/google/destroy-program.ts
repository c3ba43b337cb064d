import { carryOut, describePlan } from "./carry-out.ts";
import { removal } from "./difference.ts";
import { openOperator, readWish } from "./operator.ts";
import type { Terminal } from "./program.ts";
import { keyOf } from "./resource.ts";

const usage = `npm run destroy -- --project <id> --region <region> [--settings <file>] [--data] [--plan] [--yes]

Takes a deployment down. Bucket and database stay unless --data says that they are to go as well, and a later deploy
finds all that was built; the APIs stay enabled.

  --plan  says what would be removed, and touches nothing
  --yes   asks nothing; else the project's id is to be typed`;

/** `npm run destroy`. Answers with the exit code. */
export async function destroy(args: readonly string[], terminal: Terminal): Promise<number> {
  const { say } = terminal;
  const wish = await readWish(args, usage);
  await using operator = await openOperator(wish, terminal);
  const { project } = wish;
  const { resources } = operator.wanted;
  const { live, unread } = await operator.look();
  if (unread.length > 0) {
    say(`could not look at all of it, so nothing was removed:\n  ${unread.join("\n  ")}`);
    return 1;
  }
  const steps = removal(resources, live, wish.data);
  const left = resources.filter((each) => each.keeps !== undefined && live.has(keyOf(each)));
  const staying = left.filter((each) => each.keeps === "shared" || !wish.data).map(keyOf);
  if (wish.plan) {
    for (const line of describePlan(steps, project)) say(line);
  } else if (steps.length > 0) {
    if (!wish.yes && !(await agrees(project, steps.length, wish.data, terminal))) {
      say("nothing was removed");
      return 1;
    }
    const outcome = await carryOut(steps, operator.tools, say);
    if (outcome.state === "failed") {
      const { step, done, reason } = outcome;
      say(
        `\ncould not remove ${keyOf(step.resource)}: ${reason}\n\n${done} of ${steps.length} things are gone. The same command goes on from here.`,
      );
      return 1;
    }
  }
  if (steps.length === 0) say("there is nothing to remove");
  say(
    `what stays: ${[...staying, "what Cloud Functions and Cloud Build keep of what they built"].join(", ")}`,
  );
  return 0;
}

async function agrees(project: string, count: number, data: boolean, { ask }: Terminal) {
  const what = data ? "with all images and records" : "without images and records";
  const question = `${count} things of ${project} are going to be removed, ${what}. Type the project's id: `;
  return (await ask(question)).trim() === project;
}
