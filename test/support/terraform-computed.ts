import type { Computed } from "./terraform.ts";
import { one, text } from "./terraform-values.ts";

/** Attributes that there are only when the thing is there, in a project with this number. */
export function computedIn(project: string, number: string, region: string): Computed {
  return (type, values) => {
    const path = `projects/${project}`;
    switch (type) {
      case "google_project":
        return { number };
      case "archive_file":
        return { output_md5: "0123456789abcdef0123456789abcdef" };
      case "google_service_account": {
        const email = `${text(values["account_id"])}@${project}.iam.gserviceaccount.com`;
        return {
          email,
          member: `serviceAccount:${email}`,
          name: `${path}/serviceAccounts/${email}`,
        };
      }
      case "google_project_service_identity":
        return { member: `serviceAccount:service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com` };
      case "google_project_iam_custom_role":
        return { name: `${path}/roles/${text(values["role_id"])}` };
      case "google_pubsub_topic":
        return { id: `${path}/topics/${text(values["name"])}` };
      case "google_cloudfunctions2_function": {
        const uri = `https://${text(values["name"])}-${number}.${region}.run.app`;
        return { service_config: [{ ...one(values, "service_config"), uri }] };
      }
      default:
        return {};
    }
  };
}
