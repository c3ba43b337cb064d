import { carryOut, describePlan } from "./carry-out.ts";
import { difference } from "./difference.ts";
import { awaitPull, firstPin, tryPull } from "./first-pull.ts";
import { openOperator, readWish, type Operator, type Wish } from "./operator.ts";
import type { Terminal } from "./program.ts";

const usage = `npm run deploy -- --project <id> --region <region> [--settings <file>] [--plan]

Makes a registry out of a project of Google Cloud, or brings one up to date; run again it goes on where it was. The
project has to have billing, and gcloud an account that owns the project (gcloud auth login).

  --settings  lines of NAME=value, or JSON: settings of firn, and of the deployment
  --plan      says what would be done, and why, and touches nothing`;

/** `npm run deploy`. Answers with the exit code. */
export async function deploy(args: readonly string[], terminal: Terminal): Promise<number> {
  const { say } = terminal;
  const wish = await readWish(args, usage);
  await using operator = await openOperator(wish, terminal);
  const { project, region } = wish;
  say(`looking at ${project} in ${region}`);
  const { live, unread } = await operator.look();
  if (unread.length > 0) {
    say(`could not look at all of it:\n  ${unread.join("\n  ")}`);
    if (!wish.plan) return 1;
    say("the plan is for what could be seen: some of it may be there already");
  }
  const { steps, obstacles } = difference(operator.wanted.resources, live);
  if (obstacles.length > 0) {
    say(`nothing was changed, since these are in the way:\n  ${obstacles.join("\n  ")}`);
    if (!wish.plan) return 1;
  }
  if (steps.length === 0 && obstacles.length === 0) say("all of it is as it is to be");
  if (wish.plan) {
    for (const line of describePlan(steps, project)) say(line);
    return obstacles.length > 0 ? 1 : 0;
  }
  const outcome = await carryOut(steps, operator.tools, say);
  if (outcome.state === "failed") {
    const { step, done, reason } = outcome;
    const { kind, name } = step.resource;
    say(`
could not ${step.action} ${kind} ${name}: ${reason}

${done} of ${steps.length} steps are done, and what they made stays; the rest is not there. The same command goes on from here.`);
    return 1;
  }
  return await seeThatItWorks(operator, wish, terminal, steps.length > 0);
}

async function seeThatItWorks(
  operator: Operator,
  { settings }: Wish,
  { say, signal }: Terminal,
  isChanged: boolean,
): Promise<number> {
  const address = await operator.address();
  if (address === undefined)
    throw new Error("the registry is deployed, and has no address: run it again");
  const image = settings.firstImage;
  let { state } = await tryPull({ address, image, signal });
  // Where nobody may look without an account, it is not known whether there is a pin.
  if (state === "not yet" || (state === "needs an account" && isChanged)) {
    const pin = firstPin(operator.place, settings);
    if (pin !== undefined) await operator.tools.run(pin);
  }
  if (state === "not yet") {
    say(
      `waiting until ${image} can be pulled, which has a worker started, and the package set looked up`,
    );
    state = await awaitPull({ address, image, say, signal });
  }
  const { host } = new URL(address);
  const login = state === "needs an account" ? `  docker login ${host}\n` : "";
  say(`\nfirn is up at ${address}\n\n${login}  docker pull ${host}/${image}\n`);
  return 0;
}
