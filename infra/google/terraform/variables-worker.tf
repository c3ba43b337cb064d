# Settings of the worker alone, by the names that they have without FIRN_.

variable "builds" {
  description = "builds at the same time (default: 2)"
  type        = number
  default     = null

  validation {
    condition     = var.builds == null ? true : var.builds == floor(var.builds) && var.builds >= 1 && var.builds <= 64
    error_message = "It is a whole number from 1 to 64."
  }
}

variable "prebuilds" {
  description = "builds at the same time that nobody waits for, beside the others (default: 1)"
  type        = number
  default     = null

  validation {
    condition     = var.prebuilds == null ? true : var.prebuilds == floor(var.prebuilds) && var.prebuilds >= 1 && var.prebuilds <= 64
    error_message = "It is a whole number from 1 to 64."
  }
}

variable "build_minutes" {
  description = "how long Nix may take for one image (default: 30)"
  type        = number
  default     = null

  validation {
    condition     = var.build_minutes == null ? true : var.build_minutes == floor(var.build_minutes) && var.build_minutes >= 1 && var.build_minutes <= 1440
    error_message = "It is a whole number from 1 to 1440."
  }
}

variable "nix_config" {
  description = "further lines of nix.conf, separated by `;`"
  type        = string
  default     = null
}

variable "lease_seconds" {
  description = "how long a worker may be silent before others take over what it builds (default: 60)"
  type        = number
  default     = null

  validation {
    condition     = var.lease_seconds == null ? true : var.lease_seconds == floor(var.lease_seconds) && var.lease_seconds >= 4 && var.lease_seconds <= 3600
    error_message = "It is a whole number from 4 to 3600."
  }
}

variable "data" {
  description = "folder for what Nix must not collect (default: .firn)"
  type        = string
  default     = null
}
