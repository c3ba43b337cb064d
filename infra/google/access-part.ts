import { grants, type Grant, type Member } from "./access.ts";
import { at, listIn, textAt } from "./json.ts";
import { eventFunctions, functionName } from "./functions.ts";
import { namesOf, type Secrets } from "./secrets.ts";
import { subscriptionsOf, topicOf } from "./messages.ts";
import { emailOf, pubsubAgent, roleName, type Place } from "./place.ts";
import {
  gcloud,
  keyOf,
  type Part,
  type Reading,
  type Reference,
  type Resource,
} from "./resource.ts";
import { workerName } from "./worker.ts";

/** Something that has a policy: how gcloud names it, and what of ours it is. */
interface Owner {
  readonly is: Reference;
  /** Words of gcloud, such as `pubsub topics`, the name, and flags. */
  readonly group: string;
  readonly name: string;
  readonly flags: readonly string[];
  readonly api: string;
}

/** What of the settings decides what there is to have rights to. */
export interface AccessSettings {
  readonly worker: "service" | "pool";
  readonly functionsSecrets: Secrets;
  readonly workerSecrets: Secrets;
}

/** All grants of the table, as bindings in the policies of what they are for. */
export function accessPart(place: Place, settings: AccessSettings): Part {
  const bound = grants.flatMap((grant) =>
    ownersOf(place, grant, settings).map((owner) => ({ grant, owner })),
  );
  const owners = new Map(bound.map(({ owner }) => [keyOf(owner.is), owner]));
  return {
    resources: bound.map(({ grant, owner }) => binding(place, grant, owner)),
    readings: [...owners.values()].map((owner) => policyReading(owner)),
  };
}

function binding(place: Place, grant: Grant, owner: Owner): Resource {
  const member = memberOf(place, grant.member);
  const role = grant.role.startsWith("roles/") ? grant.role : roleName(place, grant.role);
  const flags = [`--member=${member}`, `--role=${role}`, ...owner.flags];
  return {
    kind: "access",
    name: accessName(owner.is, role, member),
    why: grant.why,
    wanted: { member, role, on: keyOf(owner.is) },
    create: [
      // Pub/Sub's own account is made when it is first asked for, and a policy cannot name it before.
      ...(grant.member === "pubsub" && grant.on.kind === "topic"
        ? [gcloud("beta services identity create", "--service=pubsub.googleapis.com")]
        : []),
      gcloud(`${owner.group} add-iam-policy-binding`, owner.name, ...flags),
    ],
    remove: [gcloud(`${owner.group} remove-iam-policy-binding`, owner.name, ...flags)],
    within: owner.is,
  };
}

function accessName(on: Reference, role: string, member: string): string {
  return `${role} on ${keyOf(on)} for ${member}`;
}

function policyReading({ is, group, name, flags, api }: Owner): Reading {
  return {
    args: [
      ...group.split(" "),
      "get-iam-policy",
      name,
      ...flags.filter((flag) => !flag.startsWith("--condition")),
    ],
    api,
    ...(is.kind === "project" ? {} : { of: is }),
    read: (answer) =>
      listIn(at(answer, "bindings")).flatMap((each) => {
        // What holds under a condition alone is not what was granted here.
        if ("condition" in each) return [];
        const members = Array.isArray(each["members"]) ? each["members"].map(String) : [];
        const role = textAt(each, "role");
        return members.map((member) => ({
          kind: "access",
          name: accessName(is, role, member),
          live: {},
        }));
      }),
  };
}

function ownersOf(place: Place, { on }: Grant, settings: AccessSettings): readonly Owner[] {
  const { project, bucket } = place;
  const { worker, functionsSecrets, workerSecrets } = settings;
  switch (on.kind) {
    case "project":
      return [
        {
          is: { kind: "project", name: project },
          group: "projects",
          name: project,
          flags: ["--condition=None"],
          api: "",
        },
      ];
    case "bucket":
      return [
        {
          is: { kind: "bucket", name: bucket },
          group: "storage buckets",
          name: `gs://${bucket}`,
          flags: [],
          api: "storage.googleapis.com",
        },
      ];
    case "account": {
      const name = emailOf(place, on.account);
      const is = { kind: "service account", name };
      return [
        {
          is,
          group: "iam service-accounts",
          name,
          flags: ["--condition=None"],
          api: "iam.googleapis.com",
        },
      ];
    }
    case "topic": {
      const name = topicOf(place, on.topic);
      return [
        {
          is: { kind: "topic", name },
          group: "pubsub topics",
          name,
          flags: [],
          api: "pubsub.googleapis.com",
        },
      ];
    }
    case "secrets":
      return namesOf(on.of === "registry" ? functionsSecrets : workerSecrets).map((name) => ({
        is: { kind: "secret", name },
        group: "secrets",
        name,
        flags: [],
        api: "secretmanager.googleapis.com",
      }));
    case "letters":
      return subscriptionsOf(place, worker)
        .filter(({ letters }) => letters)
        .map(({ name }) => subscriptionOwner(name));
    case "pull subscription":
      return subscriptionsOf(place, worker)
        .filter(({ topic, push }) => topic === on.topic && push === undefined)
        .map(({ name }) => subscriptionOwner(name));
    case "service": {
      if (on.service === "registry")
        return [serviceOwner(place, functionName(place, "registry"), "function")];
      if (on.service === "worker") {
        return worker === "service" ? [serviceOwner(place, workerName(place), "service")] : [];
      }
      return eventFunctions.map(({ target }) =>
        serviceOwner(place, functionName(place, target), "function"),
      );
    }
  }
}

function subscriptionOwner(name: string): Owner {
  return {
    is: { kind: "subscription", name },
    group: "pubsub subscriptions",
    name,
    flags: [],
    api: "pubsub.googleapis.com",
  };
}

function serviceOwner({ region }: Place, name: string, kind: "function" | "service"): Owner {
  return {
    is: { kind, name },
    group: "run services",
    name,
    flags: [`--region=${region}`],
    api: "run.googleapis.com",
  };
}

function memberOf(place: Place, member: Member): string {
  if (member === "everybody") return "allUsers";
  const email = member === "pubsub" ? pubsubAgent(place) : emailOf(place, member);
  return `serviceAccount:${email}`;
}
