# What watches the deployment. The template is written by test/infra/google/terraform-monitoring.test.ts out of the data
# that gcloud is handed; both kinds of workers are in it, since they differ in what they log.

locals {
  monitoring = jsondecode(templatefile("${path.module}/monitoring.json.tftpl", {
    prefix  = var.topics
    bucket  = local.bucket
    runbook = var.runbook
  }))[var.worker]

  alert_channels = var.alert_channels == null ? [] : split(",", var.alert_channels)
}

resource "google_logging_metric" "event" {
  for_each = { for metric in local.monitoring.metrics : metric.name => metric }

  name             = each.key
  description      = each.value.description
  filter           = each.value.filter
  value_extractor  = try(each.value.valueExtractor, null)
  label_extractors = try(each.value.labelExtractors, null)

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit

    dynamic "labels" {
      for_each = try(each.value.metricDescriptor.labels, [])

      content {
        key        = labels.value.key
        value_type = labels.value.valueType
      }
    }
  }

  dynamic "bucket_options" {
    for_each = try([each.value.bucketOptions.exponentialBuckets], [])

    content {
      exponential_buckets {
        num_finite_buckets = bucket_options.value.numFiniteBuckets
        growth_factor      = bucket_options.value.growthFactor
        scale              = bucket_options.value.scale
      }
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = { for policy in local.monitoring.policies : policy.userLabels.alert => policy }

  display_name          = each.value.displayName
  user_labels           = each.value.userLabels
  severity              = each.value.severity
  combiner              = each.value.combiner
  enabled               = each.value.enabled
  notification_channels = local.alert_channels

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      dynamic "condition_threshold" {
        for_each = try([conditions.value.conditionThreshold], [])

        content {
          filter             = condition_threshold.value.filter
          denominator_filter = try(condition_threshold.value.denominatorFilter, null)
          comparison         = condition_threshold.value.comparison
          threshold_value    = condition_threshold.value.thresholdValue
          duration           = condition_threshold.value.duration

          dynamic "aggregations" {
            for_each = condition_threshold.value.aggregations

            content {
              alignment_period     = aggregations.value.alignmentPeriod
              per_series_aligner   = aggregations.value.perSeriesAligner
              cross_series_reducer = aggregations.value.crossSeriesReducer
            }
          }

          dynamic "denominator_aggregations" {
            for_each = try(condition_threshold.value.denominatorAggregations, [])

            content {
              alignment_period     = denominator_aggregations.value.alignmentPeriod
              per_series_aligner   = denominator_aggregations.value.perSeriesAligner
              cross_series_reducer = denominator_aggregations.value.crossSeriesReducer
            }
          }
        }
      }

      dynamic "condition_absent" {
        for_each = try([conditions.value.conditionAbsent], [])

        content {
          filter   = condition_absent.value.filter
          duration = condition_absent.value.duration

          dynamic "aggregations" {
            for_each = condition_absent.value.aggregations

            content {
              alignment_period     = aggregations.value.alignmentPeriod
              per_series_aligner   = aggregations.value.perSeriesAligner
              cross_series_reducer = aggregations.value.crossSeriesReducer
            }
          }
        }
      }
    }
  }

  # It takes minutes until a policy may refer to a metric, in which functions are made.
  depends_on = [google_logging_metric.event, google_cloudfunctions2_function.function]
}

resource "google_monitoring_dashboard" "registry" {
  dashboard_json = jsonencode(local.monitoring.dashboard)

  depends_on = [google_logging_metric.event]
}
