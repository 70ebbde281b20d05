//! KEDA's ScaledObject with Prometheus triggers.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::{Parts, horizontal, query};
use crate::autoscale::{Held, TargetType};

/// Seconds between two looks of KEDA itself, which only matter at 0 replicas; the HPA that it makes asks on its own.
const POLLING_SECONDS: u32 = 15;

/// `keda.sh/v1alpha1` ScaledObject, as far as manifests use it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObject {
    api_version: &'static str,
    kind: &'static str,
    /// Name, namespace, labels, annotations.
    pub metadata: ObjectMeta,
    /// What scales what.
    pub spec: ScaledObjectSpec,
}

/// Target, replicas, behaviour and triggers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    scale_target_ref: TargetRef,
    min_replica_count: u32,
    max_replica_count: u32,
    polling_interval: u32,
    advanced: Advanced,
    triggers: Vec<Trigger>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetRef {
    api_version: String,
    kind: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Advanced {
    horizontal_pod_autoscaler_config: HorizontalConfig,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct HorizontalConfig {
    behavior: HorizontalPodAutoscalerBehavior,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    #[serde(rename = "type")]
    type_: &'static str,
    metric_type: &'static str,
    metadata: TriggerMetadata,
}

/// Numbers are texts here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TriggerMetadata {
    server_address: String,
    query: String,
    threshold: String,
    ignore_null_values: &'static str,
}

/// Scales by each signal; the largest proposal wins.
pub(super) fn scaled_object(parts: &Parts<'_>, metadata: ObjectMeta) -> ScaledObject {
    let behavior = horizontal::behavior(parts.steps, parts.options.tolerance);
    ScaledObject {
        api_version: "keda.sh/v1alpha1",
        kind: "ScaledObject",
        metadata,
        spec: ScaledObjectSpec {
            scale_target_ref: TargetRef {
                api_version: parts.scaled.api_version.to_owned(),
                kind: parts.scaled.kind.to_owned(),
                name: parts.scaled.name.to_owned(),
            },
            min_replica_count: parts.replicas.least,
            max_replica_count: parts.replicas.most,
            polling_interval: POLLING_SECONDS,
            advanced: Advanced { horizontal_pod_autoscaler_config: HorizontalConfig { behavior } },
            triggers: parts.held.iter().map(|held| trigger(held, parts)).collect(),
        },
    }
}

/// A result that is missing is an error and not 0: with 0 the replicas would go while nobody knows how busy they are.
fn trigger(held: &Held<'_>, parts: &Parts<'_>) -> Trigger {
    Trigger {
        type_: "prometheus",
        metric_type: match held.expression.target_type() {
            TargetType::AverageValue => "AverageValue",
            TargetType::Value => "Value",
        },
        metadata: TriggerMetadata {
            server_address: parts.options.prometheus_url(),
            query: query::of_workload(&held.expression, &parts.scaled, parts.options.cluster_name()),
            threshold: format!("{}", held.threshold),
            ignore_null_values: "false",
        },
    }
}
