# The Firestore database: what goes by itself, and what queries ask by.

locals {
  # An index that no query uses costs a write each time, so each field has none but those named here.
  indexes = {
    images = {
      "changedAt"       = "DESCENDING"
      "publishedAt"     = "ASCENDING"
      "readyAs"         = "ASCENDING"
      "manifest.digest" = "ASCENDING"
      "pin.revision"    = "ASCENDING"
    }
    leases       = {}
    manifests    = {}
    layers       = { "digest" = "ASCENDING" }
    referrers    = {}
    plans        = {}
    appliedPlans = {}
    pins         = { "current.resolvedAt" = "ASCENDING" }
    quotas       = {}
    pulled       = { "at" = "DESCENDING" }
  }

  indexed_fields = flatten([
    for collection, fields in local.indexes : [
      for field, order in fields : { collection = collection, field = field, order = order }
    ]
  ])
}

resource "google_firestore_database" "records" {
  name        = var.database
  location_id = local.location
  type        = "FIRESTORE_NATIVE"
  # Records go with their database where that is meant, and are left where they are otherwise.
  deletion_policy = var.delete_data ? "DELETE" : "ABANDON"

  depends_on = [google_project_service.used]
}

resource "google_firestore_field" "unindexed" {
  for_each = local.indexes

  database   = google_firestore_database.records.name
  collection = each.key
  field      = "*"

  index_config {}
}

resource "google_firestore_field" "indexed" {
  for_each = { for each in local.indexed_fields : "${each.collection}.${each.field}" => each }

  database   = google_firestore_database.records.name
  collection = each.value.collection
  field      = each.value.field

  index_config {
    indexes {
      order = each.value.order
    }
  }
}

# What lapsed goes by itself.
resource "google_firestore_field" "expiring" {
  for_each = toset(["images", "pins", "quotas", "pulled"])

  database   = google_firestore_database.records.name
  collection = each.value
  field      = "expireAt"

  ttl_config {}
}
