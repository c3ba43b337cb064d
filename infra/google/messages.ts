import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";
import { eventFunctions, functionName } from "./functions.ts";
import { at, lastPart, listIn, textAt } from "./json.ts";
import { addressOf, emailOf, type Place } from "./place.ts";
import { gcloud, notWanted, type Part, type Resource } from "./resource.ts";
import { workerName } from "./worker.ts";

type Topic = keyof ReturnType<typeof topicNames>;

interface Subscription {
  readonly name: string;
  readonly topic: Topic;
  /** Where messages are brought to; without it they are taken. */
  readonly push?: { readonly url: string; readonly audience: string };
  /** Whether what was delivered too often goes to the dead letters. */
  readonly letters: boolean;
  readonly why: string;
}

/** Jobs, and the path of the worker that takes each kind of them. */
const lanes = { jobs: "/", prebuildJobs: "/prebuilds", pins: "/pins" } as const;
const laneNames = ["jobs", "prebuildJobs", "pins"] as const;

const what: Readonly<Record<Topic, string>> = {
  jobs: "builds that somebody waits for go through it",
  prebuildJobs: "builds that nobody waits for go through it",
  pins: "questions where tags stand go through it",
  prebuilds: "names of images to build ahead go through it",
  maintenance: "the clock publishes there each minute",
  retention: "the clock publishes there once a day",
  dead: "what nobody could read or finish lies there",
};

export function topicOf({ prefix }: Place, topic: Topic): string {
  return topicNames(prefix)[topic];
}

// The longest that Pub/Sub waits for the answer to a push, and what a worker of a pool extends by itself.
const pushSeconds = 600;
const pullSeconds = 60;
const mostDeliveries = 10;
const weekSeconds = 7 * 24 * 60 * 60;

/** Which subscriptions there are with a worker of this kind. */
export function subscriptionsOf(place: Place, worker: "service" | "pool"): readonly Subscription[] {
  const toWorker = addressOf(place, workerName(place));
  const pulled = pullSubscriptionNames(place.prefix);
  const jobs = laneNames.map((topic): Subscription => {
    const letters = true;
    if (worker === "pool") {
      return { name: pulled[topic], topic, letters, why: "workers of the pool take jobs from it" };
    }
    const push = { url: `${toWorker}${lanes[topic]}`, audience: toWorker };
    const why = "jobs are pushed to the worker, which starts when one comes";
    return { name: pushName(place, topic), topic, letters, push, why };
  });
  const events = eventFunctions.map(({ topic, target }): Subscription => {
    const url = addressOf(place, functionName(place, target));
    const push = { url: `${url}/`, audience: url };
    // A burial that fails is tried again where it is.
    return {
      name: pushName(place, topic),
      topic,
      push,
      letters: topic !== "dead",
      why: `it calls the function ${target}`,
    };
  });
  const kept: Subscription = {
    name: `${topicOf(place, "dead")}-kept`,
    topic: "dead",
    letters: false,
    why: "dead letters are kept for somebody to look at",
  };
  return [...jobs, ...events, kept];
}

function pushName(place: Place, topic: Topic): string {
  return `${topicOf(place, topic)}-push`;
}

export function messagesPart(place: Place, worker: "service" | "pool"): Part {
  const topics = Object.keys(what).map((key): Resource => {
    const topic = key as Topic; // a key of `what`
    const name = topicOf(place, topic);
    return {
      kind: "topic",
      name,
      why: what[topic],
      wanted: {},
      create: [gcloud("pubsub topics create", name)],
      remove: [gcloud("pubsub topics delete", name)],
    };
  });
  const other = subscriptionsOf(place, worker === "pool" ? "service" : "pool");
  const wanted = subscriptionsOf(place, worker);
  const names = new Set(wanted.map(({ name }) => name));
  const unwanted = other.filter(({ name }) => !names.has(name));
  return {
    resources: [
      ...topics,
      ...wanted.map((each) => subscription(place, each)),
      ...unwanted.map((each) => notWanted(subscription(place, each))),
    ],
    readings: [
      {
        args: ["pubsub", "topics", "list"],
        api: "pubsub.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "topic",
            name: lastPart(textAt(each, "name")),
            live: {},
          })),
      },
      {
        args: ["pubsub", "subscriptions", "list"],
        api: "pubsub.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "subscription",
            name: lastPart(textAt(each, "name")),
            live: liveSubscription(each),
          })),
      },
    ],
  };
}

function subscription(place: Place, { name, topic, push, letters, why }: Subscription): Resource {
  const deadLetterTopic = topicOf(place, "dead");
  const account = emailOf(place, "push");
  const ackDeadlineSeconds = push === undefined ? pullSeconds : pushSeconds;
  // A tick of the clock that nobody heard is worth nothing when the next one comes.
  const messageRetentionDuration = topic === "maintenance" ? "600s" : `${weekSeconds}s`;
  const wanted = {
    topic: topicOf(place, topic),
    ackDeadlineSeconds,
    minimumBackoff: "10s",
    maximumBackoff: "600s",
    messageRetentionDuration,
    expires: false,
    deadLetterTopic: letters ? deadLetterTopic : "",
    maxDeliveryAttempts: letters ? mostDeliveries : 0,
    pushEndpoint: push?.url ?? "",
    pushAccount: push === undefined ? "" : account,
    pushAudience: push?.audience ?? "",
  };
  const flags = [
    `--ack-deadline=${ackDeadlineSeconds}`,
    "--min-retry-delay=10s",
    "--max-retry-delay=600s",
    `--message-retention-duration=${messageRetentionDuration}`,
    "--expiration-period=never",
    ...(letters
      ? [`--dead-letter-topic=${deadLetterTopic}`, `--max-delivery-attempts=${mostDeliveries}`]
      : []),
    ...(push === undefined
      ? []
      : [
          `--push-endpoint=${push.url}`,
          `--push-auth-service-account=${account}`,
          `--push-auth-token-audience=${push.audience}`,
        ]),
  ];
  return {
    kind: "subscription",
    name,
    why,
    wanted,
    create: [
      gcloud("pubsub subscriptions create", name, `--topic=${topicOf(place, topic)}`, ...flags),
    ],
    update: () => [gcloud("pubsub subscriptions update", name, ...flags)],
    remove: [gcloud("pubsub subscriptions delete", name)],
    fixed: { topic: `delete it (gcloud pubsub subscriptions delete ${name}), and deploy again` },
  };
}

function liveSubscription(each: unknown) {
  const seconds = at(each, "ackDeadlineSeconds");
  const attempts = at(each, "deadLetterPolicy", "maxDeliveryAttempts");
  return {
    topic: lastPart(textAt(each, "topic")),
    ackDeadlineSeconds: Number(seconds ?? 10),
    minimumBackoff: textAt(each, "retryPolicy", "minimumBackoff"),
    maximumBackoff: textAt(each, "retryPolicy", "maximumBackoff"),
    messageRetentionDuration: textAt(each, "messageRetentionDuration"),
    expires: textAt(each, "expirationPolicy", "ttl") !== "",
    deadLetterTopic: lastPart(textAt(each, "deadLetterPolicy", "deadLetterTopic")),
    maxDeliveryAttempts: Number(attempts ?? 0),
    pushEndpoint: textAt(each, "pushConfig", "pushEndpoint"),
    pushAccount: textAt(each, "pushConfig", "oidcToken", "serviceAccountEmail"),
    pushAudience: textAt(each, "pushConfig", "oidcToken", "audience"),
  };
}
