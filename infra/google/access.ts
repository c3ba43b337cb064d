import type { topicNames } from "../../core/google/topics.ts";
import type { Account } from "./place.ts";

/**
 * Who may do what, and which call needs it. Nothing else is granted: `access-part.ts` makes this so, and
 * test/infra/google/access.test.ts holds that the calls are those of the code.
 */
export const calls = {
  "file.getMetadata": ["storage.objects.get"],
  "file.download": ["storage.objects.get"],
  "file.getSignedUrl": ["iam.serviceAccounts.signBlob"],
  "file.save": ["storage.objects.create"],
  "file.createResumableUpload": ["storage.objects.create"],
  "file.createWriteStream": ["storage.objects.create"],
  "file.setMetadata": ["storage.objects.update"],
  "file.moveFileAtomic": [
    "storage.objects.move",
    "storage.objects.create",
    "storage.objects.delete",
  ],
  "file.delete": ["storage.objects.delete"],
  "bucket.getFiles": ["storage.objects.list"],
  "publisher.publishMessage": ["pubsub.topics.publish"],
  "client.subscription": ["pubsub.subscriptions.consume"],
  firestore: ["datastore.entities.*"],
  // Made by Cloud Run, as the account of what runs, each time that the file is read.
  "mounted secret": ["secretmanager.versions.access"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Call = keyof typeof calls;

// Without the right to list, Cloud Storage refuses to say that an object is not there.
const absence = "storage.objects.list";

const reading = ["file.getMetadata", "file.download"] as const;
const writing = [
  "file.save",
  "file.createResumableUpload",
  "file.createWriteStream",
  "file.setMetadata",
  "file.moveFileAtomic",
  "file.delete",
] as const;

/** Roles of the deployment's own: what these calls need, to the letter. */
export const customRoles = {
  blobReader: roleFor("reading blobs", [...reading], absence),
  blobWriter: roleFor("storing blobs", [...reading, ...writing], absence),
  blobKeeper: roleFor(
    "removing blobs",
    [...reading, "file.setMetadata", "file.delete", "bucket.getFiles"],
    absence,
  ),
  urlSigner: roleFor("signing URLs", ["file.getSignedUrl"]),
} as const;

export type CustomRole = keyof typeof customRoles;

interface RoleFor {
  readonly title: string;
  readonly calls: readonly Call[];
  /** In order. */
  readonly permissions: readonly string[];
}

function roleFor(title: string, needed: readonly Call[], ...more: readonly string[]): RoleFor {
  const permissions = [...needed.flatMap((call): readonly string[] => calls[call]), ...more];
  return { title, calls: needed, permissions: [...new Set(permissions)].sort() };
}

/** Roles of Google's, and what they are granted for. */
export const googleRoles = {
  "roles/datastore.user": "datastore.entities.*",
  "roles/pubsub.publisher": "pubsub.topics.publish",
  "roles/pubsub.subscriber": "pubsub.subscriptions.consume",
  "roles/run.invoker": "run.routes.invoke",
  "roles/iam.serviceAccountOpenIdTokenCreator": "iam.serviceAccounts.getOpenIdToken",
  "roles/secretmanager.secretAccessor": "secretmanager.versions.access",
  "roles/cloudbuild.builds.builder": "what a build does: read sources, write logs, store images",
} as const;

type Topic = keyof ReturnType<typeof topicNames>;

/** Who has a role: an account of ours, Pub/Sub itself, or everybody. */
export type Member = Account | "pubsub" | "everybody";

/** What a role is for. `letters` are the subscriptions out of which dead letters are taken. */
export type Target =
  | { readonly kind: "project" | "bucket" | "letters" }
  | { readonly kind: "topic" | "pull subscription"; readonly topic: Topic }
  | { readonly kind: "account"; readonly account: Account }
  /** The secrets that settings of this program name, and no others. */
  | { readonly kind: "secrets"; readonly of: "registry" | "worker" }
  | { readonly kind: "service"; readonly service: "registry" | "worker" | "event functions" };

export interface Grant {
  readonly member: Member;
  readonly role: CustomRole | keyof typeof googleRoles;
  readonly on: Target;
  /** The calls that need it; of Google's own parts, none, and `why` says it all. */
  readonly calls: readonly Call[];
  readonly why: string;
}

const publishes = (member: Account, topic: Topic, why: string): Grant => ({
  member,
  role: "roles/pubsub.publisher",
  on: { kind: "topic", topic },
  calls: ["publisher.publishMessage"],
  why,
});
const records = (member: Account): Grant => ({
  member,
  role: "roles/datastore.user",
  on: { kind: "project" },
  calls: ["firestore"],
  why: "records are read and written",
});
const consumes = (topic: Topic): Grant => ({
  member: "worker",
  role: "roles/pubsub.subscriber",
  on: { kind: "pull subscription", topic },
  calls: ["client.subscription"],
  why: "workers of a pool take jobs",
});
const mounts = (member: "registry" | "worker"): Grant => ({
  member,
  role: "roles/secretmanager.secretAccessor",
  on: { kind: "secrets", of: member },
  calls: ["mounted secret"],
  why: "settings name it, and Cloud Run reads what it mounts as the account of what runs",
});
const invokes = (service: "worker" | "event functions"): Grant => ({
  member: "push",
  role: "roles/run.invoker",
  on: { kind: "service", service },
  calls: [],
  why: "Pub/Sub brings messages, and nobody else may",
});

/** The whole table. */
export const grants: readonly Grant[] = [
  {
    member: "build",
    role: "roles/cloudbuild.builds.builder",
    on: { kind: "project" },
    calls: [],
    why: "Cloud Build builds as an account that nothing runs as",
  },
  records("registry"),
  records("events"),
  records("worker"),
  {
    member: "registry",
    role: "blobReader",
    on: { kind: "bucket" },
    calls: customRoles.blobReader.calls,
    why: "the registry looks whether a blob is there, and a signed URL gives what its signer may read",
  },
  {
    member: "registry",
    role: "urlSigner",
    on: { kind: "account", account: "registry" },
    calls: customRoles.urlSigner.calls,
    why: "URLs of blobs are signed by IAM, without a key",
  },
  {
    member: "events",
    role: "blobKeeper",
    on: { kind: "bucket" },
    calls: customRoles.blobKeeper.calls,
    why: "uploads that were given up are swept, and blobs that nothing needs",
  },
  {
    member: "worker",
    role: "blobWriter",
    on: { kind: "bucket" },
    calls: customRoles.blobWriter.calls,
    why: "layers are stored, and reused",
  },
  publishes("registry", "jobs", "a pull of what is not there is a job"),
  publishes("registry", "pins", "the registry asks where tags stand"),
  publishes("events", "jobs", "jobs that got lost are published again"),
  publishes("events", "prebuildJobs", "prebuilds are jobs"),
  publishes("events", "pins", "maintenance asks where tags stand"),
  publishes("events", "dead", "messages that nobody can read are set aside"),
  publishes("worker", "prebuildJobs", "before a tag moves, what is pulled there is built"),
  publishes("worker", "dead", "messages that are no jobs are set aside"),
  consumes("jobs"),
  consumes("prebuildJobs"),
  consumes("pins"),
  mounts("registry"),
  mounts("worker"),
  invokes("worker"),
  invokes("event functions"),
  {
    member: "everybody",
    role: "roles/run.invoker",
    on: { kind: "service", service: "registry" },
    calls: [],
    why: "everybody may pull",
  },
  {
    member: "pubsub",
    role: "roles/pubsub.publisher",
    on: { kind: "topic", topic: "dead" },
    calls: [],
    why: "Pub/Sub sets aside what was delivered too often",
  },
  {
    member: "pubsub",
    role: "roles/iam.serviceAccountOpenIdTokenCreator",
    on: { kind: "account", account: "push" },
    calls: [],
    why: "Pub/Sub proves that a push is from it",
  },
  {
    member: "pubsub",
    role: "roles/pubsub.subscriber",
    on: { kind: "letters" },
    calls: [],
    why: "Pub/Sub takes out what was delivered too often",
  },
];
