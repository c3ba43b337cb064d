# Who may do what; nothing else is granted. infra/google/access.ts says which call needs what.

locals {
  members = merge(
    { for name, account in google_service_account.part : name => account.member },
    {
      everybody = "allUsers"
      pubsub    = google_project_service_identity.pubsub.member
    },
  )

  project_access = {
    build    = "roles/cloudbuild.builds.builder"
    registry = "roles/datastore.user"
    events   = "roles/datastore.user"
    worker   = "roles/datastore.user"
  }

  bucket_access = {
    registry = "blobReader"
    events   = "blobKeeper"
    worker   = "blobWriter"
  }

  # Pub/Sub itself sets aside what was delivered too often.
  publishers = {
    "jobs"          = ["registry", "events"]
    "prebuild-jobs" = ["events", "worker"]
    "pins"          = ["registry", "events"]
    "dead"          = ["events", "worker", "pubsub"]
  }

  topic_access = flatten([
    for topic, members in local.publishers : [
      for member in members : { topic = topic, member = member }
    ]
  ])
}

resource "google_project_iam_member" "access" {
  for_each = local.project_access

  project = var.project
  role    = each.value
  member  = local.members[each.key]
}

resource "google_storage_bucket_iam_member" "access" {
  for_each = local.bucket_access

  bucket = google_storage_bucket.blobs.name
  role   = google_project_iam_custom_role.own[each.value].name
  member = local.members[each.key]
}

# URLs of blobs are signed by IAM, without a key.
resource "google_service_account_iam_member" "signer" {
  service_account_id = google_service_account.part["registry"].name
  role               = google_project_iam_custom_role.own["urlSigner"].name
  member             = local.members["registry"]
}

# Pub/Sub proves that a push is from it.
resource "google_service_account_iam_member" "pusher" {
  service_account_id = google_service_account.part["push"].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.members["pubsub"]
}

resource "google_pubsub_topic_iam_member" "access" {
  for_each = { for each in local.topic_access : "${each.topic} by ${each.member}" => each }

  topic  = google_pubsub_topic.topic[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = local.members[each.value.member]
}

# Pub/Sub takes out what was delivered too often.
resource "google_pubsub_subscription_iam_member" "letters" {
  for_each = { for name, subscription in local.subscriptions : name => subscription if subscription.letters }

  subscription = google_pubsub_subscription.subscription[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.members["pubsub"]
}

# Workers of a pool take jobs.
resource "google_pubsub_subscription_iam_member" "jobs" {
  for_each = { for name, subscription in local.job_subscriptions : name => subscription if subscription.push == null }

  subscription = google_pubsub_subscription.subscription[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.members["worker"]
}

# Everybody may pull; the other functions, and the worker, are called by Pub/Sub alone.
resource "google_cloud_run_v2_service_iam_member" "functions" {
  for_each = local.functions

  location = var.region
  name     = google_cloudfunctions2_function.function[each.key].name
  role     = "roles/run.invoker"
  member   = local.members[each.key == "registry" ? "everybody" : "push"]
}

resource "google_cloud_run_v2_service_iam_member" "worker" {
  for_each = google_cloud_run_v2_service.worker

  location = var.region
  name     = each.value.name
  role     = "roles/run.invoker"
  member   = local.members["push"]
}
