import { customRoles } from "./access.ts";
import { accounts, emailOf, roleId, type Account, type Place } from "./place.ts";
import { at, lastPart, listIn, textAt } from "./json.ts";
import { gcloud, joined, type Part, type Resource } from "./resource.ts";

/** The APIs of Google that are used, and what for. */
export const apis = {
  "artifactregistry.googleapis.com": "the worker's image is kept there",
  "cloudbuild.googleapis.com": "functions and image are built by it",
  "cloudfunctions.googleapis.com": "the functions are deployed by it",
  "cloudscheduler.googleapis.com": "it is the clock",
  "firestore.googleapis.com": "records are kept there",
  "iam.googleapis.com": "each part has an account and no more rights than it needs",
  "iamcredentials.googleapis.com": "URLs of blobs are signed by it",
  "logging.googleapis.com": "what happens is counted there",
  "monitoring.googleapis.com": "alerts and a dashboard watch it",
  "pubsub.googleapis.com": "it brings jobs to the worker",
  "run.googleapis.com": "functions and worker run there",
  "secretmanager.googleapis.com": "settings that are files are kept there",
  "storage.googleapis.com": "blobs are kept there",
} as const;

/** All of them, but for Secret Manager's where no setting names a secret. */
export function apisPart(needsSecrets: boolean): Part {
  const names = Object.keys(apis).filter(
    (name) => needsSecrets || name !== "secretmanager.googleapis.com",
  );
  return {
    // Together: enabling takes its time, and no longer for a dozen than for one.
    resources: [
      {
        kind: "APIs",
        name: "of Google",
        why: "the rest is made of them",
        wanted: { enabled: names },
        create: [gcloud("services enable", ...names)],
        remove: [],
        keeps: "shared",
      },
    ],
    readings: [
      {
        args: ["services", "list", "--enabled"],
        api: "",
        read: (answer) => {
          const enabled = new Set(listIn(answer).map((each) => textAt(each, "config", "name")));
          return [
            {
              kind: "APIs",
              name: "of Google",
              live: { enabled: names.filter((name) => enabled.has(name)) },
            },
          ];
        },
      },
    ],
  };
}

export function accountsPart(place: Place): Part {
  const resources = Object.entries(accounts).map(([account, what]): Resource => {
    const email = emailOf(place, account as Account); // a key of `accounts`
    return {
      kind: "service account",
      name: email,
      why: what,
      wanted: { displayName: `firn: ${what}` },
      create: [
        gcloud(
          "iam service-accounts create",
          email.split("@")[0] ?? "",
          `--display-name=firn: ${what}`,
        ),
      ],
      update: () => [gcloud("iam service-accounts update", email, `--display-name=firn: ${what}`)],
      remove: [gcloud("iam service-accounts delete", email)],
    };
  });
  return {
    resources,
    readings: [
      {
        args: ["iam", "service-accounts", "list"],
        api: "iam.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "service account",
            name: textAt(each, "email"),
            live: { displayName: textAt(each, "displayName") },
          })),
      },
    ],
  };
}

export function rolesPart(place: Place): Part {
  const parts = Object.entries(customRoles).map(([role, { permissions, title }]): Part => {
    const id = roleId(place, role);
    const flags = [
      `--title=firn: ${title}`,
      `--permissions=${permissions.join(",")}`,
      "--stage=GA",
    ];
    return {
      resources: [
        {
          kind: "role",
          name: id,
          why: `no role of Google's is for ${title} alone`,
          wanted: { includedPermissions: [...permissions], deleted: false },
          create: [gcloud("iam roles create", id, ...flags)],
          // One that was deleted is kept for a week, and its name with it.
          update: (live) => [
            ...(live["deleted"] === true ? [gcloud("iam roles undelete", id)] : []),
            gcloud("iam roles update", id, ...flags),
          ],
          remove: [gcloud("iam roles delete", id)],
        },
      ],
      readings: [
        {
          args: ["iam", "roles", "describe", id],
          api: "iam.googleapis.com",
          read: (answer) => {
            const found = at(answer, "includedPermissions");
            const includedPermissions = Array.isArray(found) ? found.map(String).sort() : [];
            const deleted = at(answer, "deleted") === true;
            return [
              {
                kind: "role",
                name: lastPart(textAt(answer, "name")),
                live: { includedPermissions, deleted },
              },
            ];
          },
        },
      ],
    };
  });
  return joined(parts);
}
