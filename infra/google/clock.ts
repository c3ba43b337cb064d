import { eventFunctions } from "./functions.ts";
import { lastPart, listIn, textAt } from "./json.ts";
import { topicOf } from "./messages.ts";
import type { Place } from "./place.ts";
import { gcloud, type Part, type Resource } from "./resource.ts";

const timeZone = "Etc/UTC";

/** The clock: it publishes to the topics of the functions that have a schedule. */
export function clockPart(place: Place): Part {
  const location = `--location=${place.region}`;
  const resources = eventFunctions.flatMap(({ target, topic, schedule }): readonly Resource[] => {
    if (schedule === undefined) return [];
    const name = topicOf(place, topic);
    const flags = [
      location,
      `--schedule=${schedule}`,
      // In full: gcloud looks for its project elsewhere.
      `--topic=projects/${place.project}/topics/${name}`,
      "--message-body={}",
      `--time-zone=${timeZone}`,
    ];
    return [
      {
        kind: "schedule",
        name,
        why: `the function ${target} is called by it`,
        wanted: { schedule, timeZone, topic: name, state: "ENABLED" },
        create: [gcloud("scheduler jobs create pubsub", name, ...flags)],
        update: (live) => [
          gcloud("scheduler jobs update pubsub", name, ...flags),
          ...(live["state"] === "ENABLED" ? [] : [gcloud("scheduler jobs resume", name, location)]),
        ],
        remove: [gcloud("scheduler jobs delete", name, location)],
      },
    ];
  });
  return {
    resources,
    readings: [
      {
        args: ["scheduler", "jobs", "list", location],
        api: "cloudscheduler.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "schedule",
            name: lastPart(textAt(each, "name")),
            live: {
              schedule: textAt(each, "schedule"),
              timeZone: textAt(each, "timeZone"),
              topic: lastPart(textAt(each, "pubsubTarget", "topicName")),
              state: textAt(each, "state"),
            },
          })),
      },
    ],
  };
}
