# Settings that are files are secrets of Secret Manager, which somebody made before: they are mounted where they are read,
# and who mounts one may read it. What is in a secret is not read here, so it is not in Terraform's state.

locals {
  file_settings = {
    # All of these are about who pulls, of whom the other functions know nothing.
    registry = {
      FIRN_USERS      = var.users
      FIRN_TOKENS     = var.tokens
      FIRN_BLOCKED    = var.blocked
      FIRN_TOKEN_KEYS = var.token_keys
    }
    worker = {
      FIRN_GIT_CREDENTIALS = var.git_credentials
    }
  }

  # As `<name>:<version>`.
  secrets = {
    for program, settings in local.file_settings : program => {
      for name, value in settings : name => trimprefix(can(regex("^secret:[^:]+$", value)) ? "${value}:latest" : value, "secret:") if value != null
    }
  }

  # What programs are told. One secret can be mounted in a folder.
  secret_paths = {
    for program, secrets in local.secrets : program => {
      for name, secret in secrets : name => "/secrets/${replace(secret, ":", "/")}/value"
    }
  }

  secret_mounts = { for program, secrets in local.secrets : program => toset(values(secrets)) }

  # The names of volumes are such as hosts have, which the names of secrets need not be.
  worker_volumes = { for secret in local.secret_mounts.worker : "secret-${substr(sha256(secret), 0, 16)}" => secret }
}

resource "google_secret_manager_secret_iam_member" "registry" {
  for_each = toset([for secret in local.secret_mounts.registry : split(":", secret)[0]])

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members["registry"]

  depends_on = [google_project_service.used]
}

resource "google_secret_manager_secret_iam_member" "worker" {
  for_each = toset([for secret in local.secret_mounts.worker : split(":", secret)[0]])

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members["worker"]

  depends_on = [google_project_service.used]
}
