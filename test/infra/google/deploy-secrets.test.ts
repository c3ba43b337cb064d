import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { carryOut } from "../../../infra/google/carry-out.ts";
import { deploy } from "../../../infra/google/deploy-program.ts";
import { difference, removal, type Step } from "../../../infra/google/difference.ts";
import { openOperator, readWish, type Operator } from "../../../infra/google/operator.ts";
import { gcloud, keyOf, type Reading, type Resource } from "../../../infra/google/resource.ts";
import type { Secrets } from "../../../infra/google/secrets.ts";
import { survey } from "../../../infra/google/survey.ts";
import { freshCloud, startGcloud } from "../../support/deployment.ts";
import { needEmulators } from "../../support/emulators.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

needEmulators();

// What has to do with secrets; deploy.test.ts is about all of it.
const kinds = new Set(["APIs", "secret", "service"]);
const isAsked = ({ kind, name, within }: Resource) =>
  kinds.has(kind) ||
  /^firn-registry$|^firn-(?:registry|worker|build)@/.test(name) ||
  within?.kind === "secret";
const looks = /^(?:services|secrets|iam service-accounts|functions|run services) /;
const isLooked = ({ args }: Reading) =>
  looks.test(args.join(" ")) && !/(?:accounts|services) get-iam/.test(args.join(" "));

const stepsOf = (steps: readonly Step[]) =>
  steps.map(({ action, resource }) => `${action} ${keyOf(resource)}`);

it(
  "secrets are mounted once they are there, in place of others, and no longer, and who mounts them may read them so long",
  { timeout: 600_000 },
  async () => {
    await using cloud = await freshCloud(startGcloud);
    await using folder = await temporaryFolder();
    const { state } = cloud.stub;
    const users = join(folder.path, "users");
    await writeFile(users, "alice:$2y$05$...\n");

    const optionsFor = async (text: string) => {
      const file = join(folder.path, "firn.env");
      await writeFile(file, text);
      return ["--project", cloud.project, "--region", "europe-west1", "--settings", file];
    };
    async function operate<T>(
      text: string,
      workerSecrets: Secrets,
      work: (operator: Operator) => Promise<T>,
    ): Promise<T> {
      const { settings, ...wish } = await readWish(await optionsFor(text), "");
      // No setting of the worker is a file yet.
      const more = { ...settings, workerSecrets };
      await using operator = await openOperator({ ...wish, settings: more }, cloud.terminal());
      return await work(operator);
    }
    const seen = async ({ wanted, tools }: Operator) => {
      const { live, unread } = await survey(wanted.readings.filter(isLooked), tools);
      expect(unread).toEqual([]);
      return { live, ...difference(wanted.resources.filter(isAsked), live) };
    };
    const carry = async (steps: readonly Step[], { tools }: Operator) =>
      expect(await carryOut(steps, tools, () => undefined)).toEqual({ state: "done" });
    /** Brings it up to date; answers with what was done. */
    const bring = async (text: string, workerSecrets: Secrets, again = false) =>
      await operate(text, workerSecrets, async (operator) => {
        const { steps, obstacles } = await seen(operator);
        expect(obstacles).toEqual([]);
        await carry(steps, operator);
        expect(again ? stepsOf((await seen(operator)).steps) : []).toEqual([]);
        return stepsOf(steps);
      });
    const making = async (...commands: readonly (readonly string[])[]) =>
      await operate("", {}, async ({ tools }) => {
        for (const [words = "", ...args] of commands) {
          await tools.run(gcloud(words, ...args, `--data-file=${users}`));
        }
      });
    const path = `projects/${cloud.project}`;
    const registry = () =>
      state.resources.get(
        `cloudfunctions ${path}/locations/europe-west1/functions/firn-registry`,
      )?.["serviceConfig"];
    const worker = () =>
      JSON.stringify(state.resources.get(`run namespaces/${cloud.project}/services/firn-worker`));
    /** Who may read which secret. */
    const readers = () =>
      [...state.policies].flatMap(([key, { bindings = [] }]) => {
        const [, secret] = /^secretmanager .*\/secrets\/([^/]+)$/.exec(key) ?? [];
        const members = bindings.flatMap((each) => each.members);
        return secret === undefined
          ? []
          : members.map((member) => `${secret} ${/firn-\w+/.exec(member)?.[0] ?? member}`);
      });

    const accounts =
      "FIRN_ACCESS=user:*=build\nFIRN_USERS=secret:firn-users\nFIRN_TOKEN_KEYS=secret:firn-token-keys:1\n";
    const git: Secrets = { FIRN_EXAMPLE: { name: "firn-git", version: "latest" } };

    // Not there: said before anything is made.
    expect(await deploy(await optionsFor(accounts), cloud.terminal())).toBe(1);
    expect(cloud.said.join("\n")).toContain(
      `nothing was changed, since these are in the way:
  secret firn-users: it is not there. make it: gcloud secrets create firn-users --project=${cloud.project} --replication-policy=automatic --data-file=<file for FIRN_USERS>
  secret firn-token-keys: it is not there.`,
    );
    expect(state.resources.size).toBe(0);

    state.enabled.add("secretmanager.googleapis.com");
    await making(
      ...["firn-users", "firn-token-keys", "firn-git", "people"].map((name) => {
        return ["secrets create", name, "--replication-policy=automatic"];
      }),
    );
    await bring(accounts, git, true);
    expect(registry()).toMatchObject({
      environmentVariables: {
        FIRN_USERS: "/secrets/firn-users/latest/value",
        FIRN_TOKEN_KEYS: "/secrets/firn-token-keys/1/value",
      },
      secretVolumes: [
        { mountPath: "/secrets/firn-token-keys/1", secret: "firn-token-keys" },
        { mountPath: "/secrets/firn-users/latest", secret: "firn-users" },
      ],
    });
    expect(worker()).toContain('"secretName":"firn-git"');
    const first = ["firn-token-keys firn-registry", "firn-users firn-registry"];
    expect(readers().sort()).toEqual(["firn-git firn-worker", ...first]);

    // Another version, and another secret.
    await making(["secrets versions add", "firn-token-keys"]);
    const changed = "FIRN_USERS=secret:people\nFIRN_TOKEN_KEYS=secret:firn-token-keys:2\n";
    const right = `roles/secretmanager.secretAccessor on secret people for serviceAccount:firn-registry@${cloud.project}.iam.gserviceaccount.com`;
    expect(await bring(`FIRN_ACCESS=user:*=build\n${changed}`, git)).toEqual([
      `create access ${right}`,
      "update function firn-registry",
    ]);
    expect(registry()).toMatchObject({
      secretVolumes: [
        { mountPath: "/secrets/firn-token-keys/2", versions: [{ version: "2", path: "value" }] },
        { mountPath: "/secrets/people/latest", secret: "people" },
      ],
    });
    const second = ["firn-token-keys firn-registry", "people firn-registry"];
    expect(readers().sort()).toEqual(["firn-git firn-worker", ...second]);

    // None any more.
    const both = ["update function firn-registry", "update service firn-worker"];
    expect(await bring("", {}, true)).toEqual(both);
    expect(registry()).not.toHaveProperty("secretVolumes");
    expect(worker()).not.toContain("secret");
    expect(readers()).toEqual([]);

    // Taken down by somebody who has no settings at hand.
    await bring(accounts, git);
    expect(readers()).toHaveLength(3);
    await operate("", {}, async (operator) => {
      const { live } = await seen(operator);
      await carry(removal(operator.wanted.resources.filter(isAsked), live, true), operator);
    });
    expect(readers()).toEqual([]);
    const left = [...state.resources.keys()].filter((key) => /\/secrets\/[^/]+$/.test(key));
    expect(left).toHaveLength(4);
  },
);
