output "registry_url" {
  description = "Where the registry answers."
  value       = google_cloudfunctions2_function.function["registry"].service_config[0].uri
}

output "docker_pull" {
  description = "A first pull, which has a worker started and the package set looked up."
  value       = "docker pull ${trimprefix(google_cloudfunctions2_function.function["registry"].service_config[0].uri, "https://")}/${var.first_image}"
}

output "worker_image" {
  description = "What to call the worker's image, without its tag, to have it in the repository that is made for it."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}/worker"
}
