import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";

type Topics = ReturnType<typeof topicNames>;

export interface Provision {
  /** `host:port` of the emulator. */
  readonly pubsub: string;
  readonly projectId: string;
  /** What the names begin with. */
  readonly prefix?: string;
  /** URLs that messages of a topic are pushed to; jobs that are not pushed are to be pulled. */
  readonly push?: { readonly [topic in keyof Topics]?: string };
  /** Seconds between attempts; the emulator does the second one at once in any case. */
  readonly retry?: { readonly least: number; readonly most: number };
}

/** Keeps what was set aside for a person to look at, whoever else takes it. */
export function deadLetterSubscription(prefix = "firn"): string {
  return `${topicNames(prefix).dead}-kept`;
}

const pullDeadlineSeconds = 60;
// The longest that Pub/Sub waits for the answer to a push.
const pushDeadlineSeconds = 600;
const maxDeliveryAttempts = 10;

/**
 * Makes topics and subscriptions in the emulator of Pub/Sub, as the deployment makes them in the cloud; what is there
 * already is left as it is. Speaks the REST interface, for which nothing has to be loaded.
 */
export async function provision(wanted: Provision): Promise<void> {
  const { prefix = "firn", push = {} } = wanted;
  const project = `projects/${wanted.projectId}`;
  const topics = topicNames(prefix);
  const pulled = pullSubscriptionNames(prefix);
  const put = (path: string, body: object) => create(wanted.pubsub, `${project}/${path}`, body);
  const subscribe = async (subscription: string, topic: string, url?: string) => {
    const deadLetterTopic = `${project}/topics/${topics.dead}`;
    const { least, most } = wanted.retry ?? { least: 10, most: 600 };
    await put(`subscriptions/${subscription}`, {
      topic: `${project}/topics/${topic}`,
      ackDeadlineSeconds: url === undefined ? pullDeadlineSeconds : pushDeadlineSeconds,
      retryPolicy: { minimumBackoff: `${least}s`, maximumBackoff: `${most}s` },
      expirationPolicy: {}, // never
      ...(url === undefined ? {} : { pushConfig: { pushEndpoint: url } }),
      ...(topic === topics.dead
        ? {}
        : { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts } }),
    });
  };
  await Promise.all(Object.values(topics).map((topic) => put(`topics/${topic}`, {})));
  const made = [subscribe(deadLetterSubscription(prefix), topics.dead)];
  for (const name of ["jobs", "prebuildJobs", "pins"] as const) {
    if (push[name] === undefined) made.push(subscribe(pulled[name], topics[name]));
  }
  for (const [name, topic] of Object.entries(topics)) {
    const url = push[name as keyof Topics]; // a key of `topicNames`
    if (url !== undefined) made.push(subscribe(`${topic}-push`, topic, url));
  }
  await Promise.all(made);
}

async function create(host: string, path: string, body: object): Promise<void> {
  const response = await fetch(`http://${host}/v1/${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  // 409: it is there already.
  if (response.ok || response.status === 409) return;
  throw new Error(`could not create ${path}: ${response.status} ${text.slice(0, 500)}`);
}
