import { keyOf, type Properties, type Reference } from "../../infra/google/resource.ts";
import type { Value } from "./hcl-functions.ts";
import type { Instance } from "./terraform.ts";
import { readWhole } from "./terraform-unread.ts";
import { all, last, one, text, type Body } from "./terraform-values.ts";
import { alertPolicy, logMetric } from "./terraform-watch.ts";

/** A resource of Terraform's under the names of the deployment's list. */
export interface Made extends Reference {
  readonly wanted: Properties;
}

type Read = (instance: Instance) => Made;

/** Types that the deployment's list has nothing for, and why. */
const apart: Readonly<Record<string, string>> = {
  google_storage_bucket_object: "gcloud uploads the functions' sources to a bucket of its own",
  google_project_service_identity: "gcloud has it made where Pub/Sub is first given a right",
};

/** All that Terraform would make. Throws an Error that names a type, or an argument, that is not compared. */
export function madeBy(instances: readonly Instance[]): readonly Made[] {
  const services = new Map(
    instances.flatMap(({ type, values }) => {
      const kind = runs[type];
      return kind === undefined ? [] : [[text(values["name"]), kind] as const];
    }),
  );
  const enabled = instances.filter(({ type }) => type === "google_project_service");
  const apis = enabled.map((each) => readWhole(each, ({ values }) => text(values["service"])));
  const others = instances.flatMap((instance): readonly Made[] => {
    const { type, address } = instance;
    if (type === "google_project_service" || type in apart) return [];
    const read = readers[type];
    if (read === undefined) throw new Error(`${address} is not compared with anything`);
    const found = readWhole(instance, read);
    return [found.kind === "access" ? onService(found, services) : found];
  });
  return [{ kind: "APIs", name: "of Google", wanted: { enabled: apis } }, ...others];
}

const runs: Readonly<Record<string, string>> = {
  google_cloudfunctions2_function: "function",
  google_cloud_run_v2_service: "service",
};

// A function is a service of Cloud Run, and rights are given on that.
function onService(right: Made, services: ReadonlyMap<string, string>): Made {
  const [, name] = /^service (\S+)$/.exec(text(right.wanted["on"])) ?? [];
  if (name === undefined) return right;
  return access(right.wanted, { kind: services.get(name) ?? "service", name });
}

const readers: Readonly<Record<string, Read>> = {
  google_service_account: ({ values }) =>
    made("service account", values["email"], { displayName: text(values["display_name"]) }),
  google_project_iam_custom_role: ({ values }) =>
    made("role", values["role_id"], { includedPermissions: values["permissions"] as string[] }),
  google_firestore_database: ({ values }) =>
    made("database", values["name"], {
      type: text(values["type"]),
      locationId: text(values["location_id"]),
    }),
  google_firestore_field: ({ values }) => {
    const name = `${text(values["collection"])}.${text(values["field"])}`;
    if ("ttl_config" in values) return made("time to live", name, {});
    const orders = all(values, "index_config").flatMap((each) => all(each, "indexes"));
    return made("index", name, {
      orders: orders.map(({ order }) => text(order).toLowerCase()).join(","),
    });
  },
  google_storage_bucket: ({ values }) =>
    made("bucket", values["name"], {
      location: text(values["location"]),
      uniformBucketLevelAccess: values["uniform_bucket_level_access"] === true,
      publicAccessPrevention: text(values["public_access_prevention"]),
      lifecycle: all(values, "lifecycle_rule").map(describeRule).join("; "),
    }),
  google_pubsub_topic: ({ values }) => made("topic", values["name"], {}),
  google_pubsub_subscription: subscription,
  google_artifact_registry_repository: ({ values }) =>
    made("repository", values["repository_id"], { format: text(values["format"]) }),
  google_cloudfunctions2_function: ({ values }) => {
    const build = one(values, "build_config");
    const service = one(values, "service_config");
    return made("function", values["name"], {
      runtime: text(build["runtime"]),
      entryPoint: text(build["entry_point"]),
      memory: text(service["available_memory"]),
      cpu: Number(service["available_cpu"]),
      concurrency: Number(service["max_instance_request_concurrency"]),
      timeoutSeconds: Number(service["timeout_seconds"]),
      minInstances: Number(service["min_instance_count"]),
      maxInstances: Number(service["max_instance_count"]),
      serviceAccount: text(service["service_account_email"]),
      buildServiceAccount: text(build["service_account"]),
      environment: service["environment_variables"] as Record<string, string>,
      secrets: Object.fromEntries(
        all(service, "secret_volumes").map((volume) => mount(volume, one(volume, "versions"))),
      ),
    });
  },
  google_cloud_run_v2_service: ({ values }) => {
    const template = one(values, "template");
    const scaling = one(template, "scaling");
    return made("service", values["name"], {
      ...container(template),
      concurrency: Number(template["max_instance_request_concurrency"]),
      timeoutSeconds: Number(text(template["timeout"]).replace(/s$/, "")),
      minInstances: Number(scaling["min_instance_count"]),
      maxInstances: Number(scaling["max_instance_count"]),
      cpuIdle: one(one(template, "containers"), "resources")["cpu_idle"] === true,
      executionEnvironment: text(template["execution_environment"]),
    });
  },
  google_cloud_run_v2_worker_pool: ({ values }) =>
    made("worker pool", values["name"], {
      ...container(one(values, "template")),
      instances: Number(one(values, "scaling")["manual_instance_count"]),
    }),
  google_cloud_scheduler_job: ({ values }) =>
    made("schedule", values["name"], {
      schedule: text(values["schedule"]),
      timeZone: text(values["time_zone"]),
      topic: last(one(values, "pubsub_target")["topic_name"]),
      state: values["paused"] === true ? "PAUSED" : "ENABLED",
    }),
  google_logging_metric: (instance) =>
    made("log metric", instance.values["name"], logMetric(instance)),
  google_monitoring_alert_policy: (instance) => {
    const labels = instance.values["user_labels"] as Body;
    const name = `${text(labels["deployment"])}-${text(labels["alert"])}`;
    return made("alert", name, alertPolicy(instance));
  },
  google_monitoring_dashboard: ({ values }) => {
    const dashboard = JSON.parse(text(values["dashboard_json"])) as Body & Properties; // jsonencode made it
    return made("dashboard", dashboard["displayName"], dashboard);
  },
  google_project_iam_member: rights("project", "project"),
  google_storage_bucket_iam_member: rights("bucket", "bucket"),
  google_service_account_iam_member: rights("service account", "service_account_id"),
  google_pubsub_topic_iam_member: rights("topic", "topic"),
  google_pubsub_subscription_iam_member: rights("subscription", "subscription"),
  google_secret_manager_secret_iam_member: rights("secret", "secret_id"),
  google_cloud_run_v2_service_iam_member: rights("service", "name"),
};

function subscription({ values }: Instance): Made {
  const [letters] = all(values, "dead_letter_policy");
  const [push] = all(values, "push_config");
  const token = push === undefined ? undefined : one(push, "oidc_token");
  const retry = one(values, "retry_policy");
  return made("subscription", values["name"], {
    topic: last(values["topic"]),
    ackDeadlineSeconds: Number(values["ack_deadline_seconds"]),
    minimumBackoff: text(retry["minimum_backoff"]),
    maximumBackoff: text(retry["maximum_backoff"]),
    messageRetentionDuration: text(values["message_retention_duration"]),
    expires: one(values, "expiration_policy")["ttl"] !== "",
    deadLetterTopic: letters === undefined ? "" : last(letters["dead_letter_topic"]),
    maxDeliveryAttempts: Number(letters?.["max_delivery_attempts"] ?? 0),
    pushEndpoint: text(push?.["push_endpoint"] ?? ""),
    pushAccount: text(token?.["service_account_email"] ?? ""),
    pushAudience: text(token?.["audience"] ?? ""),
  });
}

function container(template: Body): Properties {
  const { image = null, env = [], ...more } = one(template, "containers");
  const limits = one(more, "resources")["limits"] as Body;
  const variables = env as readonly Body[];
  const volumes = new Map(all(template, "volumes").map((each) => [text(each["name"]), each]));
  const mounts = all(more, "volume_mounts").map(({ name = "", mount_path: path = "" }) => {
    const volume = one(volumes.get(text(name)) ?? {}, "secret");
    return mount({ ...volume, mount_path: path }, one(volume, "items"));
  });
  return {
    image: text(image),
    cpu: Number(limits["cpu"]),
    memory: text(limits["memory"]),
    serviceAccount: text(template["service_account"]),
    environment: Object.fromEntries(
      variables.map(({ name = "", value = "" }) => [text(name), text(value)]),
    ),
    secrets: Object.fromEntries(mounts),
  };
}

/** Where a version of a secret is mounted, and what it is. */
function mount(volume: Body, version: Body): readonly [string, string] {
  const file = `${text(volume["mount_path"])}/${text(version["path"])}`;
  return [file, `${text(volume["secret"])}:${text(version["version"])}`];
}

function rights(kind: string, owner: string): Read {
  return ({ values }) => {
    // The path of a service account ends with its address, and other names are no paths.
    const on = { kind, name: last(values[owner]) };
    return access({ role: text(values["role"]), member: text(values["member"]) }, on);
  };
}

function access({ role = "", member = "" }: Properties, on: Reference): Made {
  const name = `${text(role)} on ${keyOf(on)} for ${text(member)}`;
  return { kind: "access", name, wanted: { role, member, on: keyOf(on) } };
}

function describeRule(rule: Body): string {
  const { age, matches_prefix: prefixes } = one(rule, "condition");
  return `${text(one(rule, "action")["type"]).toLowerCase()} ${(prefixes as string[]).join(", ")} after ${text(age)}`;
}

function made(kind: string, name: Value | undefined, wanted: Properties): Made {
  return { kind, name: text(name), wanted };
}
