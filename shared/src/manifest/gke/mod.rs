//! What is GKE's own: node labels, monitoring, compute classes. A plain cluster would be a second type with
//! the same functions; Cloud Storage FUSE lies in `storage/bucket.rs`, its only user.

mod compute_class;
mod pod_monitoring;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;

pub use compute_class::{ComputeClass, ComputeClassSpec};
pub use pod_monitoring::{PodMonitoring, PodMonitoringSpec};

use super::Plan;
use crate::catalog::Machine;

/// Google Kubernetes Engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gke;

impl Gke {
    /// Labels of the nodes that a replica may run on.
    ///
    /// The machine type is not among them: the requests leave out every machine that is too small, and
    /// Autopilot takes no instance type.
    pub(super) fn node_selector(plan: &Plan<'_>, own_compute_class: bool) -> BTreeMap<String, String> {
        let accelerator = plan.accelerator;
        let mut labels = BTreeMap::from([(accelerator.kind.gke_label().to_owned(), accelerator.id.clone())]);
        if let Some(topology) = plan.topology() {
            labels.insert("cloud.google.com/gke-tpu-topology".to_owned(), topology.to_owned());
        }
        if plan.request.spot {
            labels.insert("cloud.google.com/gke-spot".to_owned(), "true".to_owned());
        }
        if own_compute_class {
            labels.insert("cloud.google.com/compute-class".to_owned(), plan.workload());
        }
        labels
    }

    /// Tolerations beyond those that GKE adds by itself for whoever requests an accelerator.
    pub(super) fn tolerations(plan: &Plan<'_>) -> Option<Vec<Toleration>> {
        is_arm(plan.machine).then(|| {
            vec![Toleration {
                key: Some("kubernetes.io/arch".to_owned()),
                operator: Some("Equal".to_owned()),
                value: Some("arm64".to_owned()),
                effect: Some("NoSchedule".to_owned()),
                ..Toleration::default()
            }]
        })
    }

    /// Name under which the Custom Metrics Stackdriver Adapter offers a scraped gauge to autoscalers.
    pub(super) fn gauge(metric: &str) -> String {
        format!("prometheus.googleapis.com|{metric}|gauge")
    }
}

/// Grace processors: A4X machines are the only Arm machines with accelerators, and their nodes are tainted.
fn is_arm(machine: &Machine) -> bool {
    machine.name.starts_with("a4x-")
}
