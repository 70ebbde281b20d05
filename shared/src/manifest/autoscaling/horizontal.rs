//! The HorizontalPodAutoscaler, over the Stackdriver adapter or prometheus-adapter.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, ExternalMetricSource, HPAScalingPolicy, HPAScalingRules,
    HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier,
    MetricSpec, MetricTarget, PodsMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{Parts, Scaled, query};
use crate::autoscale::{AutoscaleError, Expression, Held, Kind, ScalingSteps, TargetType, quantity};
use crate::catalog::{Signal, SignalScope};
use crate::manifest::{Gke, ManifestError};

/// Holds each signal at its threshold; the largest proposal wins.
pub(super) fn autoscaler(
    parts: &Parts<'_>,
    kind: Kind,
    metadata: ObjectMeta,
) -> Result<HorizontalPodAutoscaler, ManifestError> {
    let metrics = parts.held.iter().map(|held| match kind {
        Kind::PrometheusAdapter => Ok(of_prometheus_adapter(held, &parts.scaled)),
        _ => of_stackdriver(held, &parts.scaled),
    });
    let count = |replicas: u32| i32::try_from(replicas).unwrap_or(i32::MAX);
    let scaled = &parts.scaled;
    let spec = HorizontalPodAutoscalerSpec {
        scale_target_ref: CrossVersionObjectReference {
            api_version: Some(scaled.api_version.to_owned()),
            kind: scaled.kind.to_owned(),
            name: scaled.name.to_owned(),
        },
        min_replicas: Some(count(parts.replicas.least)),
        max_replicas: count(parts.replicas.most),
        metrics: Some(metrics.collect::<Result<_, _>>()?),
        behavior: Some(behavior(parts.steps, parts.options.tolerance)),
    };
    Ok(HorizontalPodAutoscaler { metadata, spec: Some(spec), status: None })
}

/// A gauge of the replicas is a `Pods` metric, one of chips an `External` one with the labels of the workload. The
/// adapter reads single metrics only.
fn of_stackdriver(held: &Held<'_>, scaled: &Scaled<'_>) -> Result<MetricSpec, ManifestError> {
    let Expression::One(signal) = &held.expression else {
        return Err(AutoscaleError::NoSignal {
            server: "the Stackdriver adapter".to_owned(),
            version: "of any version".to_owned(),
            reason: format!("it reads single metrics, and the {} is an expression", held.expression.phrase()),
        }
        .into());
    };
    if signal.scope != SignalScope::Chip {
        return Ok(gauge_metric(&signal.metric, held.threshold));
    }
    let labels = query::labels(signal, scaled);
    let selector = labels.into_iter().map(|(label, value)| (format!("metric.labels.{label}"), value));
    Ok(external(&Gke::gauge(&signal.metric), selector.collect(), held))
}

/// The adapter's rule has the query; the metric's selector names the workload, and the adapter adds the namespace.
fn of_prometheus_adapter(held: &Held<'_>, scaled: &Scaled<'_>) -> MetricSpec {
    let signals: Vec<&Signal> = held.expression.signals();
    let labels = signals.first().map(|signal| query::labels(signal, scaled)).unwrap_or_default();
    let selector = labels.into_iter().filter(|(label, _)| *label != "namespace");
    let selector = selector.map(|(label, value)| (label.to_owned(), value)).collect();
    external(&held.expression.metric_name(), selector, held)
}

fn external(name: &str, selector: BTreeMap<String, String>, held: &Held<'_>) -> MetricSpec {
    MetricSpec {
        type_: "External".to_owned(),
        external: Some(ExternalMetricSource {
            metric: MetricIdentifier {
                name: name.to_owned(),
                selector: Some(LabelSelector { match_labels: Some(selector), match_expressions: None }),
            },
            target: target(held.expression.target_type(), held.threshold),
        }),
        ..MetricSpec::default()
    }
}

fn target(type_: TargetType, threshold: f64) -> MetricTarget {
    let value = Some(Quantity(quantity(threshold)));
    match type_ {
        TargetType::AverageValue => {
            MetricTarget { type_: "AverageValue".to_owned(), average_value: value, ..MetricTarget::default() }
        }
        TargetType::Value => MetricTarget { type_: "Value".to_owned(), value, ..MetricTarget::default() },
    }
}

/// The metric of an HPA that holds the mean of `gauge` over the replicas at `threshold`.
pub(crate) fn gauge_metric(gauge: &str, threshold: f64) -> MetricSpec {
    MetricSpec {
        type_: "Pods".to_owned(),
        pods: Some(PodsMetricSource {
            metric: MetricIdentifier { name: Gke::gauge(gauge), selector: None },
            target: target(TargetType::AverageValue, threshold),
        }),
        ..MetricSpec::default()
    }
}

/// Up at once, to at most double in a period, since the metric is seconds old; down by one replica in a period, since the
/// N − 1 that remain carry N/(N − 1) of the load.
pub(crate) fn behavior(steps: ScalingSteps, tolerance: Option<f64>) -> HorizontalPodAutoscalerBehavior {
    let policy = |type_: &str, value, period_seconds| HPAScalingPolicy {
        type_: type_.to_owned(),
        value,
        period_seconds,
    };
    let tolerance = || tolerance.map(|share| Quantity(quantity(share)));
    HorizontalPodAutoscalerBehavior {
        scale_up: Some(HPAScalingRules {
            stabilization_window_seconds: Some(0),
            policies: Some(vec![
                policy("Percent", 100, steps.doubling_seconds),
                policy("Pods", 1, steps.doubling_seconds),
            ]),
            select_policy: Some("Max".to_owned()),
            tolerance: tolerance(),
        }),
        scale_down: Some(HPAScalingRules {
            stabilization_window_seconds: Some(steps.down_window_seconds),
            policies: Some(vec![policy("Pods", 1, steps.down_period_seconds)]),
            tolerance: tolerance(),
            ..HPAScalingRules::default()
        }),
    }
}
