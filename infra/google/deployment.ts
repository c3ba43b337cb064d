import { accessPart } from "./access-part.ts";
import { accountsPart, apisPart, rolesPart } from "./identities.ts";
import { clockPart } from "./clock.ts";
import { functionsPart } from "./functions.ts";
import { messagesPart } from "./messages.ts";
import { monitoringPart } from "./monitoring-part.ts";
import { recordsPart } from "./records.ts";
import { secretsPart } from "./secrets.ts";
import { storagePart } from "./storage.ts";
import { workerPart } from "./worker.ts";
import { imagePart } from "./worker-image.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import type { Place } from "./place.ts";
import { joined, type Part, type Resource } from "./resource.ts";

/** What stands for the sources: where it changes, what is made of them is made anew. */
export interface Sources {
  readonly functions: string;
  readonly worker: string;
}

/** All that a deployment is made of, in the order in which it is made. */
export function deploymentOf(place: Place, settings: DeploymentSettings, sources: Sources): Part {
  const access = accessPart(place, settings);
  const secrets = secretsPart(place.project, settings.functionsSecrets, settings.workerSecrets);
  // What builds needs its rights before; what runs can have its own only once it is there.
  const ofWhatRuns = ({ within }: Resource) =>
    within?.kind === "function" || within?.kind === "service";
  const watching = monitoringPart(place, settings);
  // It takes minutes until policies may refer to a metric, in which the rest is made.
  const counts = ({ kind }: Resource) => kind === "log metric";
  const parts: readonly Part[] = [
    apisPart(secrets.resources.length > 0),
    secrets,
    { resources: watching.resources.filter(counts), readings: watching.readings },
    accountsPart(place),
    rolesPart(place),
    recordsPart(place),
    storagePart(place),
    messagesPart(place, settings.worker),
    { ...access, resources: access.resources.filter((each) => !ofWhatRuns(each)) },
    imagePart(place, settings, sources.worker),
    functionsPart(place, settings, sources.functions),
    workerPart(place, settings, sources.worker),
    { resources: access.resources.filter(ofWhatRuns), readings: [] },
    clockPart(place),
    { resources: watching.resources.filter((each) => !counts(each)), readings: [] },
  ];
  return joined(parts);
}

/** Where a deployment with these settings is. */
export function placeOf(
  { project, number, region }: Pick<Place, "project" | "number" | "region">,
  { topics, bucket, database, location }: DeploymentSettings,
): Place {
  return {
    project,
    number,
    region,
    prefix: topics,
    bucket,
    database,
    location: location ?? region,
  };
}
