# The clock: it publishes to the topics of the functions that have a schedule.

resource "google_cloud_scheduler_job" "clock" {
  for_each = { for target, event in local.event_functions : event.topic => event.schedule if event.schedule != null }

  name      = google_pubsub_topic.topic[each.key].name
  region    = var.region
  schedule  = each.value
  time_zone = "Etc/UTC"
  paused    = false

  pubsub_target {
    topic_name = google_pubsub_topic.topic[each.key].id
    data       = base64encode("{}")
  }

  depends_on = [google_project_service.used]
}
