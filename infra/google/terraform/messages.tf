# Topics, and the subscriptions that bring their messages to functions and worker.

locals {
  topics = ["jobs", "prebuild-jobs", "pins", "prebuilds", "maintenance", "retention", "dead"]

  # Jobs, and the path of the worker that takes each kind of them.
  lanes = {
    "jobs"          = "/"
    "prebuild-jobs" = "/prebuilds"
    "pins"          = "/pins"
  }

  # Cloud Run makes the address of a service of name, project and region, so it is known before there is one.
  worker_url    = "https://${var.topics}-worker-${local.number}.${var.region}.run.app"
  function_urls = { for target in keys(local.functions) : target => "https://${var.topics}-${target}-${local.number}.${var.region}.run.app" }

  job_subscriptions = {
    for topic, path in local.lanes : "${topic}-${var.worker == "pool" ? "pull" : "push"}" => {
      topic   = topic
      letters = true
      push    = var.worker == "pool" ? null : { endpoint = "${local.worker_url}${path}", audience = local.worker_url }
    }
  }

  event_subscriptions = {
    for target, event in local.event_functions : "${event.topic}-push" => {
      topic = event.topic
      # A burial that fails is tried again where it is.
      letters = event.topic != "dead"
      push    = { endpoint = "${local.function_urls[target]}/", audience = local.function_urls[target] }
    }
  }

  subscriptions = merge(local.job_subscriptions, local.event_subscriptions, {
    # Dead letters are kept for somebody to look at.
    "dead-kept" = { topic = "dead", letters = false, push = null }
  })
}

# Pub/Sub's own account is made when it is first asked for, and a policy cannot name it before.
resource "google_project_service_identity" "pubsub" {
  provider = google-beta

  service = google_project_service.used["pubsub.googleapis.com"].service
}

resource "google_pubsub_topic" "topic" {
  for_each = toset(local.topics)

  name = "${var.topics}-${each.value}"

  depends_on = [google_project_service.used]
}

resource "google_pubsub_subscription" "subscription" {
  for_each = local.subscriptions

  name  = "${var.topics}-${each.key}"
  topic = google_pubsub_topic.topic[each.value.topic].id
  # The longest that Pub/Sub waits for the answer to a push; workers of a pool extend theirs by themselves.
  ack_deadline_seconds = each.value.push == null ? 60 : 600
  # A tick of the clock that nobody heard is worth nothing when the next one comes.
  message_retention_duration = each.value.topic == "maintenance" ? "600s" : "604800s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.letters ? ["dead"] : []

    content {
      dead_letter_topic     = google_pubsub_topic.topic[dead_letter_policy.value].id
      max_delivery_attempts = 10
    }
  }

  dynamic "push_config" {
    for_each = each.value.push == null ? [] : [each.value.push]

    content {
      push_endpoint = push_config.value.endpoint

      oidc_token {
        service_account_email = google_service_account.part["push"].email
        audience              = push_config.value.audience
      }
    }
  }
}
