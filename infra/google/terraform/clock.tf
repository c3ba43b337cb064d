# The clock: it publishes to the topic of the function maintenance, once a minute.

resource "google_cloud_scheduler_job" "maintenance" {
  name      = google_pubsub_topic.topic["maintenance"].name
  region    = var.region
  schedule  = "* * * * *"
  time_zone = "Etc/UTC"
  paused    = false

  pubsub_target {
    topic_name = google_pubsub_topic.topic["maintenance"].id
    data       = base64encode("{}")
  }

  depends_on = [google_project_service.used]
}
