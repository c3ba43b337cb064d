# What the deployment itself is told, by the names of the settings of `npm run deploy` without FIRN_.

variable "project" {
  description = "id of the project of Google Cloud that everything is in"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "It is the id of a project: gcloud projects list shows yours."
  }
}

variable "region" {
  description = "region that everything is in, such as europe-west1"
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "It is a region such as europe-west1: gcloud run regions list shows all."
  }
}

variable "worker_image" {
  description = "reference of the worker's image, made from worker/Dockerfile, with a tag or digest of its own for each version"
  type        = string

  validation {
    condition     = can(regex("^[^:@]+/.+(:|@sha256:)[A-Za-z0-9_.-]+$", var.worker_image))
    error_message = "It is an image with its registry and its tag or digest: registry/name:tag."
  }
}

variable "functions_bundle" {
  description = "folder that `npm run bundle -- --out <folder>` made; left out, functions-bundle at the root of the repository"
  type        = string
  default     = null
}

variable "delete_data" {
  description = "whether `terraform destroy` takes the bucket and the database too"
  type        = bool
  default     = false
}

variable "database" {
  description = "Firestore database with the records"
  type        = string
  default     = "(default)"
}

variable "bucket" {
  description = "bucket with the blobs"
  type        = string
  default     = null
}

variable "topics" {
  description = "what the names of topics and subscriptions begin with"
  type        = string
  default     = "firn"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,16}[a-z0-9]$", var.topics))
    error_message = "It is a name of 2 to 18 letters, digits and hyphens."
  }
}

variable "worker" {
  description = "`service`: scales to zero, and a build may take nine minutes; `pool`: is always there, and one may take as long as FIRN_BUILD_MINUTES"
  type        = string
  default     = "service"

  validation {
    condition     = contains(["service", "pool"], var.worker)
    error_message = "It is one of service, pool."
  }
}

variable "worker_cpu" {
  description = "CPUs of a worker"
  type        = number
  default     = 4

  validation {
    condition     = var.worker_cpu == floor(var.worker_cpu) && var.worker_cpu >= 1 && var.worker_cpu <= 8
    error_message = "It is a whole number from 1 to 8."
  }
}

variable "worker_memory" {
  description = "memory of a worker"
  type        = string
  default     = "16Gi"

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.worker_memory))
    error_message = "It is a size such as 512Mi or 16Gi."
  }
}

variable "worker_min" {
  description = "workers there are at the least; of a pool, exactly, and one at the least"
  type        = number
  default     = 0

  validation {
    condition     = var.worker_min == floor(var.worker_min) && var.worker_min >= 0 && var.worker_min <= 100
    error_message = "It is a whole number from 0 to 100."
  }
}

variable "worker_max" {
  description = "workers there are at the most, of a service"
  type        = number
  default     = 10

  validation {
    condition     = var.worker_max == floor(var.worker_max) && var.worker_max >= 1 && var.worker_max <= 100
    error_message = "It is a whole number from 1 to 100."
  }
}

variable "registry_min" {
  description = "instances of the registry at the least"
  type        = number
  default     = 1

  validation {
    condition     = var.registry_min == floor(var.registry_min) && var.registry_min >= 0 && var.registry_min <= 100
    error_message = "It is a whole number from 0 to 100."
  }
}

variable "registry_max" {
  description = "instances of the registry at the most"
  type        = number
  default     = 20

  validation {
    condition     = var.registry_max == floor(var.registry_max) && var.registry_max >= 1 && var.registry_max <= 1000
    error_message = "It is a whole number from 1 to 1000."
  }
}

variable "first_image" {
  description = "image that is pulled to see that all works"
  type        = string
  default     = "hello"
}

variable "location" {
  description = "location of bucket and database, where it is not the region"
  type        = string
  default     = null
}

variable "alert_channels" {
  description = "who is told of alerts: names such as `projects/my-project/notificationChannels/1`, separated by commas; without one, alerts show only in the console"
  type        = string
  default     = null

  validation {
    condition     = var.alert_channels == null ? true : can(regex("^projects/[^/,]+/notificationChannels/[0-9]+(,projects/[^/,]+/notificationChannels/[0-9]+)*$", var.alert_channels))
    error_message = "It is names of channels, separated by commas: gcloud beta monitoring channels list shows yours."
  }
}

variable "runbook" {
  description = "where whoever is told of an alert finds the runbook"
  type        = string
  default     = "infra/google/RUNBOOK.md"
}
