# The worker: a service that Pub/Sub pushes to, or a pool that takes jobs; and the repository for its image.

locals {
  service_environment = merge(local.worker_environment, {
    FIRN_JOBS          = "push"
    FIRN_PUSH_ACCOUNT  = google_service_account.part["push"].email
    FIRN_PUSH_AUDIENCE = local.worker_url
  })

  pool_environment = merge(local.worker_environment, { FIRN_JOBS = "pull" })

  # Builds, and as many places as the worker has for looking up where tags stand.
  slots = coalesce(var.builds, 2) + coalesce(var.prebuilds, 1) + 2
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.topics
  location      = var.region
  format        = "DOCKER"

  depends_on = [google_project_service.used]
}

resource "google_cloud_run_v2_service" "worker" {
  for_each = toset(var.worker == "service" ? ["${var.topics}-worker"] : [])

  name                = each.value
  location            = var.region
  deletion_protection = false

  template {
    service_account                  = google_service_account.part["worker"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = local.slots
    timeout                          = "600s"

    scaling {
      min_instance_count = var.worker_min
      max_instance_count = var.worker_max
    }

    containers {
      image = var.worker_image

      resources {
        limits = {
          cpu    = var.worker_cpu
          memory = var.worker_memory
        }
        # A build goes on between requests.
        cpu_idle = false
      }

      dynamic "env" {
        for_each = local.service_environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = local.worker_volumes

        content {
          name       = volume_mounts.key
          mount_path = "/secrets/${replace(volume_mounts.value, ":", "/")}"
        }
      }
    }

    dynamic "volumes" {
      for_each = local.worker_volumes

      content {
        name = volumes.key

        secret {
          secret = split(":", volumes.value)[0]

          items {
            version = split(":", volumes.value)[1]
            path    = "value"
          }
        }
      }
    }
  }

  depends_on = [google_project_iam_member.access, google_secret_manager_secret_iam_member.worker]
}

resource "google_cloud_run_v2_worker_pool" "worker" {
  for_each = toset(var.worker == "pool" ? ["${var.topics}-worker"] : [])

  name                = each.value
  location            = var.region
  deletion_protection = false

  scaling {
    manual_instance_count = max(1, var.worker_min)
  }

  template {
    service_account = google_service_account.part["worker"].email

    containers {
      image = var.worker_image

      resources {
        limits = {
          cpu    = var.worker_cpu
          memory = var.worker_memory
        }
      }

      dynamic "env" {
        for_each = local.pool_environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = local.worker_volumes

        content {
          name       = volume_mounts.key
          mount_path = "/secrets/${replace(volume_mounts.value, ":", "/")}"
        }
      }
    }

    dynamic "volumes" {
      for_each = local.worker_volumes

      content {
        name = volumes.key

        secret {
          secret = split(":", volumes.value)[0]

          items {
            version = split(":", volumes.value)[1]
            path    = "value"
          }
        }
      }
    }
  }

  depends_on = [google_project_iam_member.access, google_secret_manager_secret_iam_member.worker]
}
