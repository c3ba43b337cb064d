# Settings of the functions alone, by the names that they have without FIRN_.

variable "hold_seconds" {
  description = "how long a pull is held while its image is built, before it is sent round again; some clients give up after 30 (default: 25)"
  type        = number
  default     = null

  validation {
    condition     = var.hold_seconds == null ? true : var.hold_seconds == floor(var.hold_seconds) && var.hold_seconds >= 1 && var.hold_seconds <= 600
    error_message = "It is a whole number from 1 to 600."
  }
}

variable "long_hold_seconds" {
  description = "the same for clients known to wait; set it to FIRN_HOLD_SECONDS behind a proxy with a limit of its own (default: 280)"
  type        = number
  default     = null

  validation {
    condition     = var.long_hold_seconds == null ? true : var.long_hold_seconds == floor(var.long_hold_seconds) && var.long_hold_seconds >= 1 && var.long_hold_seconds <= 3600
    error_message = "It is a whole number from 1 to 3600."
  }
}

variable "blob_url" {
  description = "URL below which everybody can read the bucket, such as that of a CDN; left out, clients get signed URLs"
  type        = string
  default     = null
}

variable "keep_days" {
  description = "for how many days an image is kept that nobody pulls, or `forever` (default: 90)"
  type        = string
  default     = null

  validation {
    condition     = var.keep_days == null ? true : can(regex("^([1-9][0-9]{0,4}|forever)$", var.keep_days))
    error_message = "It is a number of days or forever."
  }
}

variable "grace_hours" {
  description = "how long layers stay that no image needs any more, for pulls and builds under way (default: 24)"
  type        = number
  default     = null

  validation {
    condition     = var.grace_hours == null ? true : var.grace_hours == floor(var.grace_hours) && var.grace_hours >= 6 && var.grace_hours <= 8760
    error_message = "It is a whole number from 6 to 8760."
  }
}
