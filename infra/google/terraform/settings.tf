# Which settings functions and worker are told: those that somebody gave.

locals {
  place = {
    FIRN_PROJECT  = var.project
    FIRN_BUCKET   = local.bucket
    FIRN_DATABASE = var.database
    FIRN_TOPICS   = var.topics
  }

  # Both have to agree on these.
  common_settings = {
    FIRN_PACKAGE_SET        = var.package_set
    FIRN_PLATFORMS          = var.platforms
    FIRN_NIXPKGS_REPOSITORY = var.nixpkgs_repository
    FIRN_NIXPKGS_TARBALL    = var.nixpkgs_tarball
    FIRN_PIN_SECONDS        = var.pin_seconds
    FIRN_ALLOW_UNFREE       = var.allow_unfree
    FIRN_LAYERS             = var.layers
    FIRN_GROUPING           = var.grouping
    FIRN_COMPRESSION        = var.compression
    FIRN_PREBUILD_IMAGES    = var.prebuild_images
    FIRN_PACKAGES           = var.packages
    FIRN_REVISIONS          = var.revisions
    FIRN_MAX_PACKAGES       = var.max_packages
    FIRN_CONTACT            = var.contact
    FIRN_LOG                = var.log
    FIRN_LOG_LEVEL          = var.log_level
  }

  functions_settings = merge(local.common_settings, {
    FIRN_HOLD_SECONDS      = var.hold_seconds
    FIRN_LONG_HOLD_SECONDS = var.long_hold_seconds
    FIRN_BLOB_URL          = var.blob_url
    FIRN_KEEP_DAYS         = var.keep_days
    FIRN_GRACE_HOURS       = var.grace_hours
    FIRN_ACCESS            = var.access
    FIRN_GOOGLE_AUDIENCES  = var.google_audiences
    FIRN_PUBLIC_URL        = var.public_url
    FIRN_TRUSTED_HOPS      = var.trusted_hops
    FIRN_QUOTA             = var.quota
  })

  worker_settings = merge(local.common_settings, {
    FIRN_BUILDS                 = var.builds
    FIRN_PREBUILDS              = var.prebuilds
    FIRN_BUILD_MINUTES          = var.build_minutes
    FIRN_MAX_CLOSURE_MB         = var.max_closure_mb
    FIRN_BUILD_FROM_SOURCE      = var.build_from_source
    FIRN_NIX_CONFIG             = var.nix_config
    FIRN_LEASE_SECONDS          = var.lease_seconds
    FIRN_DATA                   = var.data
    FIRN_GZIP                   = var.gzip
    FIRN_SANDBOX                = var.sandbox
    FIRN_SEGMENTS_MB            = var.segments_mb
    FIRN_SEED                   = var.seed
    FIRN_DISK_SHARE             = var.disk_share
    FIRN_ISOLATION              = var.isolation
    FIRN_IMPORT_FROM_DERIVATION = var.import_from_derivation
    FIRN_EVALUATION_URLS        = var.evaluation_urls
    FIRN_IMPURE_EVALUATION      = var.impure_evaluation
    FIRN_EVALUATION_SECONDS     = var.evaluation_seconds
    FIRN_EVALUATION_MB          = var.evaluation_mb
    FIRN_BUILD_MEMORY_MB        = var.build_memory_mb
    FIRN_BUILD_PROCESSES        = var.build_processes
    FIRN_DISK_RESERVE_MB        = var.disk_reserve_mb
    FIRN_BUILD_LOG_MB           = var.build_log_mb
  })

  # Where the bundle has its compile cache.
  cache = {
    NODE_COMPILE_CACHE          = "/workspace/compile-cache"
    NODE_COMPILE_CACHE_PORTABLE = "1"
  }

  functions_environment = merge(local.place, local.cache, {
    for name, value in local.functions_settings : name => tostring(value) if value != null
  })

  worker_environment = merge(local.place, {
    for name, value in local.worker_settings : name => tostring(value) if value != null
  }, local.secret_paths.worker)
}
