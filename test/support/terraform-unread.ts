import type { Instance } from "./terraform.ts";
import { isBlocks, type Body } from "./terraform-values.ts";

/** Arguments that the deployment's list has nothing for, and why. */
const aside: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  google_project_service: { disable_on_destroy: "what is shared stays, as npm run destroy has it" },
  google_service_account: { account_id: "it is in the address" },
  google_project_iam_custom_role: { title: "for people", stage: "for people" },
  google_firestore_database: { deletion_policy: "it is about terraform destroy" },
  google_firestore_field: { database: "there is one" },
  google_storage_bucket: { force_destroy: "it is about terraform destroy" },
  google_artifact_registry_repository: { location: "a test of its own looks at places" },
  google_cloudfunctions2_function: {
    location: "a test of its own looks at places",
    "build_config.source.storage_source.bucket": "gcloud uploads to a bucket of its own",
    "build_config.source.storage_source.object": "gcloud names it itself",
    "service_config.secret_volumes.project_id": "there is one",
  },
  google_cloud_run_v2_service: {
    location: "a test of its own looks at places",
    deletion_protection: "it is about terraform destroy",
  },
  google_cloud_run_v2_worker_pool: {
    location: "a test of its own looks at places",
    deletion_protection: "it is about terraform destroy",
  },
  google_cloud_scheduler_job: {
    region: "a test of its own looks at places",
    "pubsub_target.data": "nobody reads it, and Cloud Scheduler wants one",
  },
  google_project_iam_member: { project: "there is one" },
  google_cloud_run_v2_service_iam_member: { location: "a test of its own looks at places" },
};

/** Reads an instance. Throws an Error that names arguments that were not read and are not aside. */
export function readWhole<T>(instance: Instance, read: (instance: Instance) => T): T {
  const seen = new Set<string>();
  const result = read({ ...instance, values: watched(instance.values, "", seen) });
  const excused = aside[instance.type] ?? {};
  const unread = pathsOf(instance.said, "").filter((path) => !seen.has(path) && !(path in excused));
  if (unread.length === 0) return result;
  throw new Error(`${instance.address}: ${unread.join(", ")} is not compared with anything`);
}

/** The same, and which paths of it were read is kept in `seen`; blocks of one name are one path. */
function watched(body: Body, prefix: string, seen: Set<string>): Body {
  return new Proxy(body, {
    get: (target, name) => {
      if (typeof name === "symbol") return undefined;
      const value = target[name];
      const path = `${prefix}${name}`;
      seen.add(path);
      return isBlocks(value) ? value.map((each) => watched(each, `${path}.`, seen)) : value;
    },
  });
}

function pathsOf(body: Body, prefix: string): readonly string[] {
  const paths = Object.entries(body).flatMap(([name, value]) => {
    const path = `${prefix}${name}`;
    if (value === null) return [];
    return isBlocks(value) ? value.flatMap((each) => pathsOf(each, `${path}.`)) : [path];
  });
  return [...new Set(paths)];
}
