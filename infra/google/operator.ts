import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../core/log.ts";
import { deploymentOf, placeOf } from "./deployment.ts";
import { parseDeploymentSettings, type DeploymentSettings } from "./deployment-settings.ts";
import { functionsPart, registryAddress } from "./functions.ts";
import { textAt } from "./json.ts";
import type { Place } from "./place.ts";
import { Usage, type Terminal } from "./program.ts";
import type { Part } from "./resource.ts";
import { readSources } from "./sources.ts";
import { survey, type Survey } from "./survey.ts";
import { createTools, ToolFailed, type Tools } from "./tools.ts";

/** What somebody said on the command line, of any of the three commands. */
export interface Wish {
  readonly project: string;
  readonly region: string;
  readonly settings: DeploymentSettings;
  readonly plan: boolean;
  readonly yes: boolean;
  readonly data: boolean;
}

const options = {
  project: { type: "string" },
  region: { type: "string" },
  settings: { type: "string" },
  plan: { type: "boolean", default: false },
  yes: { type: "boolean", default: false },
  data: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Reads a command line. Throws `Usage`, or what is wrong with the settings file. */
export async function readWish(args: readonly string[], usage: string): Promise<Wish> {
  const { values } = parsed(args, usage);
  if (values.help) throw new Usage(usage, false);
  const { project, region, settings: file } = values;
  if (project === undefined || region === undefined) {
    const missing = [project ?? "--project", region ?? "--region"].filter((each) =>
      each.startsWith("--"),
    );
    throw new Usage(`${missing.join(" and ")} has to be given.\n\n${usage}`, true);
  }
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project)) {
    throw new Usage(
      `"${project}" is not the id of a project: gcloud projects list shows yours`,
      true,
    );
  }
  if (!/^[a-z]+-[a-z]+\d+$/.test(region)) {
    throw new Usage(
      `"${region}" is not a region such as europe-west1: gcloud run regions list shows all`,
      true,
    );
  }
  const text = file === undefined ? "" : await readFile(file, "utf8");
  const settings = parseDeploymentSettings(text, project);
  return { ...values, project, region, settings };
}

function parsed(args: readonly string[], usage: string) {
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new Usage(`${messageOf(error)}\n\n${usage}`, true);
  }
}

/** A deployment as it is wanted, and the programs to see and to change what is there. */
export interface Operator extends AsyncDisposable {
  readonly place: Place;
  readonly wanted: Part;
  readonly tools: Tools;
  look(): Promise<Survey>;
  /** Where the registry answers; undefined while it is not there. */
  address(): Promise<string | undefined>;
}

export async function openOperator(
  { project, region, settings, plan }: Wish,
  { environment, signal, bundle }: Terminal,
): Promise<Operator> {
  const folder = await mkdtemp(join(tmpdir(), "firn-functions-"));
  const tools = createTools({ environment, project, signal, bundle, folder });
  const close = async () => await rm(folder, { recursive: true, force: true });
  try {
    const number = await numberOf(project, tools, plan);
    const place = placeOf({ project, number, region }, settings);
    const sources = await readSources();
    const wanted = deploymentOf(place, settings, sources);
    const [reading] = functionsPart(place, settings, sources.functions).readings;
    return {
      place,
      wanted,
      tools,
      look: () => survey(wanted.readings, tools),
      address: async () => reading && registryAddress(place, await tools.ask(reading.args)),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// What addresses and accounts of Google's own have in them where nobody may look.
const unknownNumber = "PROJECT_NUMBER";

async function numberOf(project: string, tools: Tools, plan: boolean): Promise<string> {
  try {
    const number = textAt(await tools.ask(["projects", "describe", project]), "projectNumber");
    if (number !== "") return number;
  } catch (error) {
    // A plan can be made against nothing; that nothing could be seen is said when it is looked at.
    if (plan && error instanceof ToolFailed) return unknownNumber;
    throw error;
  }
  throw new Error(
    `there is no project ${project} that this account may see: gcloud projects list shows yours`,
  );
}
