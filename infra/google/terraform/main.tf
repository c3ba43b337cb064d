# A registry, as `npm run deploy` makes it by gcloud: the same resources with the same settings, one file a topic.
# test/infra/google/terraform.test.ts compares the two, so who changes one of them has to change the other.

provider "google" {
  project = var.project
  region  = var.region
}

provider "google-beta" {
  project = var.project
  region  = var.region
}

data "google_project" "here" {
  project_id = var.project
}

locals {
  number   = data.google_project.here.number
  bucket   = coalesce(var.bucket, "${var.project}-firn")
  location = coalesce(var.location, var.region)
}

resource "google_project_service" "used" {
  for_each = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudscheduler.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "storage.googleapis.com",
    ],
    # Where a setting names a secret.
    [for secret in flatten([for secrets in local.secrets : values(secrets)]) : "secretmanager.googleapis.com"],
  ))

  service = each.value
  # Others may use them.
  disable_on_destroy = false
}
