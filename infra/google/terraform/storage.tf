# The bucket of the blobs: nobody reads it but by URLs that were signed, and uploads that were given up go.

resource "google_storage_bucket" "blobs" {
  name                        = local.bucket
  location                    = upper(local.location)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_data

  dynamic "lifecycle_rule" {
    for_each = jsondecode(file("${path.module}/../lifecycle.json")).rule

    content {
      action {
        type = lifecycle_rule.value.action.type
      }
      condition {
        age            = lifecycle_rule.value.condition.age
        matches_prefix = lifecycle_rule.value.condition.matchesPrefix
      }
    }
  }

  depends_on = [google_project_service.used]
}
