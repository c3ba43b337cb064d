# The functions, out of the folder that `npm run bundle` makes.

locals {
  # The topic whose messages call each, and when the clock publishes there; the registry is called by who pulls.
  event_functions = {
    prebuild    = { topic = "prebuilds", schedule = null }
    maintenance = { topic = "maintenance", schedule = "* * * * *" }
    retention   = { topic = "retention", schedule = "17 3 * * *" }
    burial      = { topic = "dead", schedule = null }
  }

  functions = merge(
    {
      # Pulls wait for builds, and cost nothing meanwhile.
      registry = { account = "registry", concurrency = 1000, seconds = 3600, least = var.registry_min, most = var.registry_max }
    },
    {
      # Less than Pub/Sub waits for the answer to a push.
      for target in keys(local.event_functions) : target => { account = "events", concurrency = 10, seconds = 540, least = 0, most = 2 }
    },
  )
}

data "archive_file" "functions" {
  type        = "zip"
  source_dir  = coalesce(var.functions_bundle, "${path.module}/../../../functions-bundle")
  output_path = "${path.module}/functions.zip"
}

resource "google_storage_bucket_object" "functions" {
  name   = "sources/functions-${data.archive_file.functions.output_md5}.zip"
  bucket = google_storage_bucket.blobs.name
  source = data.archive_file.functions.output_path
}

resource "google_cloudfunctions2_function" "function" {
  for_each = local.functions

  name     = "${var.topics}-${each.key}"
  location = var.region

  build_config {
    runtime         = "nodejs24"
    entry_point     = each.key
    service_account = google_service_account.part["build"].name

    source {
      storage_source {
        bucket = google_storage_bucket_object.functions.bucket
        object = google_storage_bucket_object.functions.name
      }
    }
  }

  service_config {
    available_memory                 = "512Mi"
    available_cpu                    = "1"
    max_instance_request_concurrency = each.value.concurrency
    timeout_seconds                  = each.value.seconds
    min_instance_count               = each.value.least
    max_instance_count               = each.value.most
    service_account_email            = google_service_account.part[each.value.account].email
    environment_variables = merge(local.functions_environment, {
      for name, path in local.secret_paths.registry : name => path if each.key == "registry"
    })

    dynamic "secret_volumes" {
      for_each = [for secret in local.secret_mounts.registry : secret if each.key == "registry"]

      content {
        project_id = var.project
        secret     = split(":", secret_volumes.value)[0]
        mount_path = "/secrets/${replace(secret_volumes.value, ":", "/")}"

        versions {
          version = split(":", secret_volumes.value)[1]
          path    = "value"
        }
      }
    }
  }

  depends_on = [google_project_iam_member.access, google_secret_manager_secret_iam_member.registry]
}
