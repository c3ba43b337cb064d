# Settings of the worker about what package sets may do and take, by the names that they have without FIRN_.

variable "isolation" {
  description = "`auto`: package sets are evaluated and built in a network of their own, from which metadata servers and this machine cannot be reached, where the kernel allows it, and a warning says why where it does not; `required`: nothing is built without; `off` (default: auto)"
  type        = string
  default     = null

  validation {
    condition     = var.isolation == null ? true : contains(["auto", "required", "off"], var.isolation)
    error_message = "It is auto, required or off."
  }
}

variable "import_from_derivation" {
  description = "whether evaluating a package may have others built, to read what they made (default: false)"
  type        = bool
  default     = null
}

variable "evaluation_urls" {
  description = "what package sets may fetch while they are evaluated, if they know its hash: URLs or what they begin with up to a `/`, separated by blanks, such as `https://github.com/NixOS/`; left out, nothing"
  type        = string
  default     = null
}

variable "impure_evaluation" {
  description = "whether evaluation may read the worker's files, its environment and the time, and fetch anything: for package sets that are trusted as firn itself is (default: false)"
  type        = bool
  default     = null
}

variable "evaluation_seconds" {
  description = "how long Nix may evaluate the packages of one image (default: 300)"
  type        = number
  default     = null

  validation {
    condition     = var.evaluation_seconds == null ? true : var.evaluation_seconds == floor(var.evaluation_seconds) && var.evaluation_seconds >= 1 && var.evaluation_seconds <= 86400
    error_message = "It is a whole number from 1 to 86400."
  }
}

variable "evaluation_mb" {
  description = "megabytes of memory that one evaluation may take (default: 4000)"
  type        = number
  default     = null

  validation {
    condition     = var.evaluation_mb == null ? true : var.evaluation_mb == floor(var.evaluation_mb) && var.evaluation_mb >= 100 && var.evaluation_mb <= 1000000
    error_message = "It is a whole number from 100 to 1000000."
  }
}

variable "build_memory_mb" {
  description = "megabytes of memory that what is built for one image may take; left out, three quarters of what the worker has"
  type        = number
  default     = null

  validation {
    condition     = var.build_memory_mb == null ? true : var.build_memory_mb == floor(var.build_memory_mb) && var.build_memory_mb >= 100 && var.build_memory_mb <= 10000000
    error_message = "It is a whole number from 100 to 10000000."
  }
}

variable "build_processes" {
  description = "processes that what is built for one image may have at once (default: 4096)"
  type        = number
  default     = null

  validation {
    condition     = var.build_processes == null ? true : var.build_processes == floor(var.build_processes) && var.build_processes >= 16 && var.build_processes <= 1000000
    error_message = "It is a whole number from 16 to 1000000."
  }
}

variable "disk_reserve_mb" {
  description = "megabytes of the disk with `/nix` that builds have to leave free, of a small disk a twentieth: the build that wrote most is stopped (default: 500)"
  type        = number
  default     = null

  validation {
    condition     = var.disk_reserve_mb == null ? true : var.disk_reserve_mb == floor(var.disk_reserve_mb) && var.disk_reserve_mb >= 0 && var.disk_reserve_mb <= 1000000
    error_message = "It is a whole number from 0 to 1000000."
  }
}

variable "build_log_mb" {
  description = "megabytes that one builder may print (default: 100)"
  type        = number
  default     = null

  validation {
    condition     = var.build_log_mb == null ? true : var.build_log_mb == floor(var.build_log_mb) && var.build_log_mb >= 1 && var.build_log_mb <= 10000
    error_message = "It is a whole number from 1 to 10000."
  }
}

variable "git_credentials" {
  description = "file with what git signs in with to fetch a private package set, a line each: `https://<user>:<token>@<host>`; it is read when it is needed, and used for nothing else; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager"
  type        = string
  default     = null

  validation {
    condition     = var.git_credentials == null ? true : can(regex("^secret:[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?$", var.git_credentials))
    error_message = "It is a secret: secret:<name>, or secret:<name>:<version>."
  }
}
