/** Where a deployment is, and what things in it are called. */
export interface Place {
  readonly project: string;
  /** The project's number, which accounts of Google's own and addresses have in them. */
  readonly number: string;
  readonly region: string;
  /** What names begin with. */
  readonly prefix: string;
  readonly bucket: string;
  readonly database: string;
  /** Of bucket and database. */
  readonly location: string;
}

/** Who the parts of a deployment are, to each other and to Google. */
export const accounts = {
  registry: "answers pulls",
  events: "looks after the registry: prebuild, maintenance, burial, retention",
  worker: "builds images",
  push: "Pub/Sub brings messages as this account",
  build: "builds the functions and the worker's image",
} as const;

export type Account = keyof typeof accounts;

export function emailOf({ prefix, project }: Place, account: Account): string {
  return `${prefix}-${account}@${project}.iam.gserviceaccount.com`;
}

/** The account that Pub/Sub itself acts as in a project. */
export function pubsubAgent({ number }: Place): string {
  return `service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`;
}

/**
 * The address of a service before there is one: Cloud Run makes it of name, project and region
 * (cloud.google.com/run/docs/triggering/https-request, deterministic URL).
 */
export function addressOf({ number, region }: Place, service: string): string {
  return `https://${service}-${number}.${region}.run.app`;
}

/** The identifiers of roles have no hyphens. */
export function roleId({ prefix }: Place, role: string): string {
  return `${prefix.replaceAll("-", "_")}_${role}`;
}

/** The name of a role of ours, as policies have it. */
export function roleName(place: Place, role: string): string {
  return `projects/${place.project}/roles/${roleId(place, role)}`;
}

/** The name of the worker's image without its tag. */
export function imageName({ region, project, prefix }: Place): string {
  return `${region}-docker.pkg.dev/${project}/${prefix}/worker`;
}
