//! Managed Service for Prometheus: what to scrape.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::Gke;
use crate::manifest::deployment::METRICS_PORT;
use crate::manifest::probes::API_PORT;
use crate::manifest::{Plan, labels};

/// `monitoring.googleapis.com/v1` PodMonitoring, as far as manifests use it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMonitoring {
    api_version: &'static str,
    kind: &'static str,
    /// Name, namespace, labels, annotations.
    pub metadata: ObjectMeta,
    /// What to scrape.
    pub spec: PodMonitoringSpec,
}

/// Which Pods, which endpoint, which labels of the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMonitoringSpec {
    selector: Selector,
    endpoints: Vec<Endpoint>,
    target_labels: TargetLabels,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Endpoint {
    port: &'static str,
    path: String,
    interval: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct TargetLabels {
    metadata: [&'static str; 3],
}

impl Gke {
    /// Scrapes the server's metrics as often as asked, every 15 seconds by default.
    pub(in crate::manifest) fn pod_monitoring(plan: &Plan<'_>) -> PodMonitoring {
        let own_port = plan.server.metrics_port.is_some_and(|port| port != plan.server.port);
        let endpoint = Endpoint {
            port: if own_port { METRICS_PORT } else { API_PORT },
            path: plan.server.metrics_path.clone(),
            interval: format!("{}s", plan.request.autoscaling.scrape_seconds()),
        };
        PodMonitoring {
            api_version: "monitoring.googleapis.com/v1",
            kind: "PodMonitoring",
            metadata: labels::metadata(plan, plan.workload()),
            spec: PodMonitoringSpec {
                selector: Selector { match_labels: labels::selector(plan) },
                endpoints: vec![endpoint],
                target_labels: TargetLabels { metadata: ["pod", "container", "node"] },
            },
        }
    }
}
