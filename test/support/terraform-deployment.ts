import { join } from "node:path";
import { deploymentOf, placeOf } from "../../infra/google/deployment.ts";
import { parseDeploymentSettings } from "../../infra/google/deployment-settings.ts";
import { keyOf, type Properties } from "../../infra/google/resource.ts";
import type { Value } from "./hcl-functions.ts";
import { computedIn } from "./terraform-computed.ts";
import { madeBy } from "./terraform-google.ts";
import type { Plan, Terraform } from "./terraform.ts";

export const folder = join(import.meta.dirname, "../../infra/google/terraform");
export const where = { project: "my-project", number: "123456789012", region: "europe-west1" };
const sources = { functions: "f".repeat(16), worker: "a".repeat(16) };

/** Settings of a deployment, as its file has them. */
export type Given = Readonly<Record<string, string>>;

/** What a deployment is made of: what each thing is to be like, by `keyOf`. */
export type Listed = Readonly<Record<string, Properties>>;

const label = "a label by which gcloud's way sees that something is set otherwise";
const reported = "it is what Google says of it";

/** What of the deployment's list Terraform does not say, by kind, and why: a whole kind, or properties of it. */
const gcloudAlone: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  secret: "Terraform finds it missing when it gives the right to it",
  image: "it has to be there before there is a worker: the variable worker_image names it",
  role: { deleted: "Terraform takes a deleted role up again by itself" },
  function: {
    settings: label,
    source: "a label likewise; Terraform compares the archive",
    state: reported,
  },
  service: { settings: label, ready: reported },
  "worker pool": { settings: label, ready: reported },
  "log metric": { settings: label },
  alert: { settings: label },
  dashboard: { settings: label },
};

/** What `npm run deploy` makes for these settings, without what Terraform does not say. */
export function listed(given: Given): Listed {
  const settings = parseDeploymentSettings(JSON.stringify(given), where.project);
  const { resources } = deploymentOf(placeOf(where, settings), settings, sources);
  const entries = resources.flatMap((resource) => {
    const alone = gcloudAlone[resource.kind] ?? {};
    if (resource.unwanted === true || typeof alone === "string") return [];
    const compared = Object.entries(resource.wanted).filter(([name]) => !(name in alone));
    return [[keyOf(resource), Object.fromEntries(compared)] as const];
  });
  return Object.fromEntries(entries);
}

/** What Terraform makes for these settings, under the names of the deployment's list. */
export function terraformed(terraform: Terraform, given: Given): Listed {
  const made = madeBy(planned(terraform, given).instances);
  const keys = made.map(keyOf);
  const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
  if (twice.length > 0) throw new Error(`Terraform makes twice: ${twice.join(", ")}`);
  return Object.fromEntries(made.map((each) => [keyOf(each), each.wanted]));
}

/** Terraform's plan for these settings: each is the variable of its name without FIRN_. */
export function planned(terraform: Terraform, given: Given): Plan {
  const { project, number, region } = where;
  const settings = Object.entries(given).map(([setting, value]) => {
    const name = variableOf(setting);
    return [name, typed(value, terraform.variables[name]?.["type"])] as const;
  });
  const repository = `${region}-docker.pkg.dev/${project}/${given["FIRN_TOPICS"] ?? "firn"}/worker`;
  const own = { project, region, worker_image: `${repository}:${sources.worker}` };
  return terraform.plan(
    { ...own, ...Object.fromEntries(settings) },
    computedIn(project, number, region),
  );
}

/** What Terraform calls a setting. */
export function variableOf(setting: string): string {
  return setting.replace(/^FIRN_/, "").toLowerCase();
}

function typed(value: string, type: Value | undefined): Value {
  if (type === "${number}") return Number(value);
  return type === "${bool}" ? value === "true" : value;
}

/** Every setting that somebody can give Terraform, and none of them as it is by itself. */
export const everySetting: Given = {
  FIRN_TOPICS: "cold-snow",
  FIRN_BUCKET: "my-snow",
  FIRN_DATABASE: "snow",
  FIRN_LOCATION: "eur3",
  FIRN_PACKAGE_SET: "git+https://git.example.com/packages#main",
  FIRN_PLATFORMS: "amd64,arm64",
  FIRN_NIXPKGS_REPOSITORY: "https://git.example.com/nixpkgs",
  FIRN_NIXPKGS_TARBALL: "https://git.example.com/nixpkgs/{revision}.tar.gz",
  FIRN_PIN_SECONDS: "60",
  FIRN_ALLOW_UNFREE: "true",
  FIRN_LAYERS: "90",
  FIRN_GROUPING: "dominators",
  FIRN_COMPRESSION: "zstd",
  FIRN_PREBUILD_IMAGES: "0",
  FIRN_PACKAGES: "*, -python3Packages.*",
  FIRN_REVISIONS: "nixos-*, -commit:*",
  FIRN_MAX_PACKAGES: "10",
  FIRN_CONTACT: "platform@example.com",
  FIRN_LOG: "text",
  FIRN_LOG_LEVEL: "debug",
  FIRN_HOLD_SECONDS: "20",
  FIRN_LONG_HOLD_SECONDS: "100",
  FIRN_BLOB_URL: "https://blobs.example.com",
  FIRN_KEEP_DAYS: "forever",
  FIRN_GRACE_HOURS: "48",
  FIRN_ACCESS: "anonymous=pull, user:*=build",
  FIRN_USERS: "secret:users",
  FIRN_TOKENS: "secret:tokens:3",
  FIRN_GOOGLE_AUDIENCES: "example",
  FIRN_BLOCKED: "secret:blocked:latest",
  FIRN_PUBLIC_URL: "https://registry.example.com",
  FIRN_TOKEN_KEYS: "secret:keys",
  FIRN_TRUSTED_HOPS: "2",
  FIRN_QUOTA: "client=5/minute; all=100/day",
  FIRN_BUILDS: "5",
  FIRN_PREBUILDS: "3",
  FIRN_BUILD_MINUTES: "90",
  FIRN_MAX_CLOSURE_MB: "5000",
  FIRN_BUILD_FROM_SOURCE: "never",
  FIRN_NIX_CONFIG: "sandbox = false; cores = 2",
  FIRN_LEASE_SECONDS: "30",
  FIRN_DATA: "/data",
  FIRN_GZIP: "zlib",
  FIRN_SANDBOX: "off",
  FIRN_ISOLATION: "required",
  FIRN_IMPORT_FROM_DERIVATION: "true",
  FIRN_EVALUATION_URLS: "https://github.com/NixOS/",
  FIRN_IMPURE_EVALUATION: "true",
  FIRN_EVALUATION_SECONDS: "60",
  FIRN_EVALUATION_MB: "2000",
  FIRN_BUILD_MEMORY_MB: "8000",
  FIRN_BUILD_PROCESSES: "500",
  FIRN_DISK_RESERVE_MB: "1000",
  FIRN_BUILD_LOG_MB: "5",
  FIRN_GIT_CREDENTIALS: "secret:firn-git:3",
  FIRN_SEGMENTS_MB: "0",
  FIRN_SEED: "/seed",
  FIRN_DISK_SHARE: "50",
  FIRN_WORKER: "service",
  FIRN_WORKER_CPU: "8",
  FIRN_WORKER_MEMORY: "32Gi",
  FIRN_WORKER_MIN: "1",
  FIRN_WORKER_MAX: "3",
  FIRN_REGISTRY_MIN: "0",
  FIRN_REGISTRY_MAX: "7",
  FIRN_FIRST_IMAGE: "jq",
  FIRN_ALERT_CHANNELS:
    "projects/my-project/notificationChannels/1,projects/my-project/notificationChannels/2",
  FIRN_RUNBOOK: "https://example.com/runbook",
};
