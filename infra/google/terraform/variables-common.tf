# Settings of both functions and worker, by the names that they have without FIRN_. What is left out is as firn has it,
# and each says how that is.

variable "package_set" {
  description = "`starter`, `nixpkgs:<channel or commit>`, `git+<url>#<branch, tag or commit>` or an absolute path (default: nixpkgs:nixos-unstable)"
  type        = string
  default     = null
}

variable "platforms" {
  description = "`amd64`, `arm64`, or both with a comma, of names that do not say; with both a tag is an index, and who takes none gets the first (default: amd64)"
  type        = string
  default     = null

  validation {
    condition     = var.platforms == null ? true : contains(["amd64", "arm64", "amd64,arm64", "arm64,amd64"], var.platforms)
    error_message = "It is one of amd64, arm64, amd64,arm64, arm64,amd64."
  }
}

variable "nixpkgs_repository" {
  description = "git repository whose branches are the nixpkgs channels (default: https://github.com/NixOS/nixpkgs)"
  type        = string
  default     = null
}

variable "nixpkgs_tarball" {
  description = "where the tarball of a nixpkgs commit is, `{revision}` standing for the commit (default: https://github.com/NixOS/nixpkgs/archive/{revision}.tar.gz)"
  type        = string
  default     = null
}

variable "pin_seconds" {
  description = "how long a channel or branch is taken to stand where it was seen (default: 300)"
  type        = number
  default     = null

  validation {
    condition     = var.pin_seconds == null ? true : var.pin_seconds == floor(var.pin_seconds) && var.pin_seconds >= 1 && var.pin_seconds <= 86400
    error_message = "It is a whole number from 1 to 86400."
  }
}

variable "allow_unfree" {
  description = "whether packages with an unfree license are built (default: false)"
  type        = bool
  default     = null
}

variable "layers" {
  description = "layers an image may have; Docker's limit is 125, and what is left is for those who build on the image (default: 60)"
  type        = number
  default     = null

  validation {
    condition     = var.layers == null ? true : var.layers == floor(var.layers) && var.layers >= 2 && var.layers <= 125
    error_message = "It is a whole number from 2 to 125."
  }
}

variable "grouping" {
  description = "`plan`: what shares a layer is learned for the whole package set, and applies from the next revision on; `dominators`: each image by itself (default: plan)"
  type        = string
  default     = null

  validation {
    condition     = var.grouping == null ? true : contains(["plan", "dominators"], var.grouping)
    error_message = "It is one of plan, dominators."
  }
}

variable "compression" {
  description = "`gzip`; `zstd`, which Docker before 23 and containerd before 1.6 cannot unpack; or `none`, for private networks faster than a compressor (default: gzip)"
  type        = string
  default     = null

  validation {
    condition     = var.compression == null ? true : contains(["gzip", "zstd", "none"], var.compression)
    error_message = "It is one of gzip, zstd, none."
  }
}

variable "prebuild_images" {
  description = "how many of the images pulled in the last week are built before a moving tag moves (default: 50)"
  type        = number
  default     = null

  validation {
    condition     = var.prebuild_images == null ? true : var.prebuild_images == floor(var.prebuild_images) && var.prebuild_images >= 0 && var.prebuild_images <= 1000
    error_message = "It is a whole number from 0 to 1000."
  }
}

variable "packages" {
  description = "packages that may be built: patterns of attribute paths separated by commas, `-` before what is denied, such as `*, -python3Packages.*`; `*` is everything (default: *)"
  type        = string
  default     = null
}

variable "revisions" {
  description = "what tags may have built besides `latest`: patterns of channels, branches and tags, such as `nixos-*`, `commit:*` for commits, `-` before what is denied (default: *)"
  type        = string
  default     = null
}

variable "max_packages" {
  description = "packages that a name may have (default: 64)"
  type        = number
  default     = null

  validation {
    condition     = var.max_packages == null ? true : var.max_packages == floor(var.max_packages) && var.max_packages >= 1 && var.max_packages <= 255
    error_message = "It is a whole number from 1 to 255."
  }
}

variable "contact" {
  description = "who is to be asked for what may not be built, as those are told who tried (default: whoever runs this registry)"
  type        = string
  default     = null
}

variable "log" {
  description = "`text` for people, `json` for Cloud Logging (default: json)"
  type        = string
  default     = null

  validation {
    condition     = var.log == null ? true : contains(["text", "json"], var.log)
    error_message = "It is one of text, json."
  }
}

variable "log_level" {
  description = "`debug`, `info`, `warning` or `error` (default: info)"
  type        = string
  default     = null

  validation {
    condition     = var.log_level == null ? true : contains(["debug", "info", "warning", "error"], var.log_level)
    error_message = "It is one of debug, info, warning, error."
  }
}
