import { join } from "node:path";
import { stagingPrefix } from "../../core/google/blob-object.ts";
import { at, listIn, textAt } from "./json.ts";
import type { Place } from "./place.ts";
import { gcloud, type Part } from "./resource.ts";

const lifecycle = join(import.meta.dirname, "lifecycle.json");

/** The bucket of the blobs: nobody reads it but by URLs that were signed, and uploads that were given up go. */
export function storagePart({ bucket, location }: Place): Part {
  const url = `gs://${bucket}`;
  const flags = ["--uniform-bucket-level-access", "--public-access-prevention"];
  const rules = gcloud("storage buckets update", url, ...flags, `--lifecycle-file=${lifecycle}`);
  return {
    resources: [
      {
        kind: "bucket",
        name: bucket,
        why: "blobs are kept there",
        wanted: {
          location: location.toUpperCase(),
          uniformBucketLevelAccess: true,
          publicAccessPrevention: "enforced",
          // By lifecycle.json: days, and the beginning of the names.
          lifecycle: `delete ${stagingPrefix} after 1`,
        },
        create: [gcloud("storage buckets create", url, `--location=${location}`, ...flags), rules],
        update: () => [rules],
        remove: [gcloud("storage rm", "--recursive", url)],
        keeps: "data",
        fixed: {
          location:
            "a bucket stays where it was made: say where that is by FIRN_LOCATION, or take another one by FIRN_BUCKET",
        },
      },
    ],
    readings: [
      {
        args: ["storage", "buckets", "list", "--raw"],
        api: "storage.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "bucket",
            name: textAt(each, "name"),
            live: {
              location: textAt(each, "location").toUpperCase(),
              uniformBucketLevelAccess:
                at(each, "iamConfiguration", "uniformBucketLevelAccess", "enabled") === true,
              publicAccessPrevention: textAt(each, "iamConfiguration", "publicAccessPrevention"),
              lifecycle: listIn(at(each, "lifecycle", "rule"))
                .map(describeRule)
                .join("; "),
            },
          })),
      },
    ],
  };
}

function describeRule(rule: unknown): string {
  const prefixes = at(rule, "condition", "matchesPrefix");
  const names = Array.isArray(prefixes) ? prefixes.map(String).join(", ") : "everything";
  return `${textAt(rule, "action", "type").toLowerCase()} ${names} after ${textAt(rule, "condition", "age")}`;
}
