# Who the parts are, and the roles that Google has none of its own for. There are no keys.

locals {
  accounts = {
    registry = "answers pulls"
    events   = "looks after the registry: prebuild, maintenance, burial, retention"
    worker   = "builds images"
    push     = "Pub/Sub brings messages as this account"
    build    = "builds the functions and the worker's image"
  }

  # What the calls of each part need, to the letter. Without the right to list, Cloud Storage refuses to say that an
  # object is not there.
  roles = {
    blobReader = {
      title       = "reading blobs"
      permissions = ["storage.objects.get", "storage.objects.list"]
    }
    blobWriter = {
      title = "storing blobs"
      permissions = [
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.get",
        "storage.objects.list",
        "storage.objects.move",
        "storage.objects.update",
      ]
    }
    blobKeeper = {
      title       = "removing blobs"
      permissions = ["storage.objects.delete", "storage.objects.get", "storage.objects.list", "storage.objects.update"]
    }
    urlSigner = {
      title       = "signing URLs"
      permissions = ["iam.serviceAccounts.signBlob"]
    }
  }
}

resource "google_service_account" "part" {
  for_each = local.accounts

  account_id   = "${var.topics}-${each.key}"
  display_name = "firn: ${each.value}"

  depends_on = [google_project_service.used]
}

resource "google_project_iam_custom_role" "own" {
  for_each = local.roles

  # The identifiers of roles have no hyphens.
  role_id     = "${replace(var.topics, "-", "_")}_${each.key}"
  title       = "firn: ${each.value.title}"
  permissions = each.value.permissions
  stage       = "GA"

  depends_on = [google_project_service.used]
}
