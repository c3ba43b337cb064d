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

variable "max_closure_mb" {
  description = "megabytes that an image may have before compression (default: 20000)"
  type        = number
  default     = null

  validation {
    condition     = var.max_closure_mb == null ? true : var.max_closure_mb == floor(var.max_closure_mb) && var.max_closure_mb >= 1 && var.max_closure_mb <= 1000000
    error_message = "It is a whole number from 1 to 1000000."
  }
}

variable "build_from_source" {
  description = "`allowed`: what no binary cache has is built here; `never`: it is refused, and nothing is compiled (default: allowed)"
  type        = string
  default     = null

  validation {
    condition     = var.build_from_source == null ? true : contains(["allowed", "never"], var.build_from_source)
    error_message = "It is one of allowed, never."
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

variable "gzip" {
  description = "what makes gzip of layers: `igzip`, of Debian's package isal, 8 times as fast; `zlib`; or `auto`, igzip where it is installed and passes its test. Workers of one registry should have the same (default: auto)"
  type        = string
  default     = null

  validation {
    condition     = var.gzip == null ? true : contains(["auto", "igzip", "zlib"], var.gzip)
    error_message = "It is auto, igzip or zlib."
  }
}

variable "sandbox" {
  description = "`auto`: builds are sandboxed where the machine can, and a warning says why where it cannot; `required`: nothing is built without; `off` (default: auto)"
  type        = string
  default     = null

  validation {
    condition     = var.sandbox == null ? true : contains(["auto", "required", "off"], var.sandbox)
    error_message = "It is auto, required or off."
  }
}

variable "segments_mb" {
  description = "megabytes of compressed store paths that a worker keeps in its data folder, so that other layers with them need no compressing; 0 for none (default: 500)"
  type        = number
  default     = null

  validation {
    condition     = var.segments_mb == null ? true : var.segments_mb == floor(var.segments_mb) && var.segments_mb >= 0 && var.segments_mb <= 1000000
    error_message = "It is a whole number from 0 to 1000000."
  }
}

variable "seed" {
  description = "folder with a copy of `/nix`, from which a disk is filled that is mounted there and empty"
  type        = string
  default     = null
}

variable "disk_share" {
  description = "percent of the disk with `/nix` that may be in use before the worker removes what no build needs, used least lately first; for a store of its own alone; left out, nothing is removed"
  type        = number
  default     = null

  validation {
    condition     = var.disk_share == null ? true : var.disk_share == floor(var.disk_share) && var.disk_share >= 1 && var.disk_share <= 99
    error_message = "It is a whole number from 1 to 99."
  }
}
