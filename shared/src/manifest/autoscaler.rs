//! The HorizontalPodAutoscaler.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
    PodsMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::threshold::{Threshold, replicas, replicas_for_load};
use super::{Gke, ManifestError, Plan, explain, labels};

/// How many times the initial replicas an autoscaler may run; a bound on the bill that the user raises
/// knowingly.
const GROWTH: i32 = 4;

/// Seconds that the load must have been lower before a replica goes. Longer than Kubernetes' 300: a replica
/// that goes takes its accelerator along, and the next start loads all weights again.
const SCALE_DOWN_SECONDS: i32 = 600;

/// Most replicas that the autoscaler of a plan runs.
pub(super) fn max_replicas(plan: &Plan<'_>) -> i32 {
    replicas_for_load(plan).saturating_mul(GROWTH)
}

/// Name of the gauge of running requests.
pub(super) fn running_metric<'a>(plan: &Plan<'a>) -> Result<&'a str, ManifestError> {
    let metrics = plan.version.metrics.as_ref();
    metrics.and_then(|metrics| metrics.running.as_deref()).ok_or_else(|| ManifestError::NoSignal {
        server: plan.server.display_name.clone(),
        version: plan.version.version.clone(),
    })
}

/// Scales on the mean of running requests over the replicas.
pub(super) fn autoscaler(
    plan: &Plan<'_>,
    threshold: &Threshold,
) -> Result<HorizontalPodAutoscaler, ManifestError> {
    let mut metadata: ObjectMeta = labels::metadata(plan, plan.workload());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(labels::THRESHOLD_REASON.to_owned(), explain::threshold_sentence(plan, threshold));
    let spec = HorizontalPodAutoscalerSpec {
        scale_target_ref: CrossVersionObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: "Deployment".to_owned(),
            name: plan.workload(),
        },
        min_replicas: Some(replicas(plan)),
        max_replicas: max_replicas(plan),
        metrics: Some(vec![metric(running_metric(plan)?, threshold.running)]),
        behavior: Some(behavior()),
    };
    Ok(HorizontalPodAutoscaler { metadata, spec: Some(spec), status: None })
}

/// The metric of an HPA that scales on the mean of `gauge` over the replicas, held at `running`.
pub(crate) fn metric(gauge: &str, running: u32) -> MetricSpec {
    MetricSpec {
        type_: "Pods".to_owned(),
        pods: Some(PodsMetricSource {
            metric: MetricIdentifier { name: Gke::gauge(gauge), selector: None },
            target: MetricTarget {
                type_: "AverageValue".to_owned(),
                average_value: Some(Quantity(running.to_string())),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

/// Up at once, to at most double in a minute, since the metric is seconds old; down by one replica in two
/// minutes, since the N − 1 that remain carry N/(N − 1) of the load.
pub(crate) fn behavior() -> HorizontalPodAutoscalerBehavior {
    let policy = |type_: &str, value, period_seconds| HPAScalingPolicy {
        type_: type_.to_owned(),
        value,
        period_seconds,
    };
    HorizontalPodAutoscalerBehavior {
        scale_up: Some(HPAScalingRules {
            stabilization_window_seconds: Some(0),
            policies: Some(vec![policy("Percent", 100, 60), policy("Pods", 1, 60)]),
            select_policy: Some("Max".to_owned()),
            ..HPAScalingRules::default()
        }),
        scale_down: Some(HPAScalingRules {
            stabilization_window_seconds: Some(SCALE_DOWN_SECONDS),
            policies: Some(vec![policy("Pods", 1, 120)]),
            ..HPAScalingRules::default()
        }),
    }
}
