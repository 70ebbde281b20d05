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

/// Label, and key of the taint, of the nodes of a compute class.
pub(super) const COMPUTE_CLASS: &str = "cloud.google.com/compute-class";

/// Label, and key of the taint, of Spot nodes.
const SPOT: &str = "cloud.google.com/gke-spot";

/// Google Kubernetes Engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gke;

impl Gke {
    /// Labels of the nodes that a replica may run on.
    ///
    /// The machine type is not among them: the requests leave out every machine that is too small, and
    /// Autopilot takes no instance type. A compute class says itself whether its machines are Spot, and GKE
    /// refuses Pods that select both (cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes).
    pub(super) fn node_selector(plan: &Plan<'_>, own_compute_class: bool) -> BTreeMap<String, String> {
        let accelerator = plan.accelerator;
        let mut labels = BTreeMap::from([(accelerator.kind.gke_label().to_owned(), accelerator.id.clone())]);
        if let Some(topology) = plan.topology() {
            labels.insert("cloud.google.com/gke-tpu-topology".to_owned(), topology.to_owned());
        }
        if own_compute_class {
            labels.insert(COMPUTE_CLASS.to_owned(), plan.workload());
        } else if plan.request.spot {
            labels.insert(SPOT.to_owned(), "true".to_owned());
        }
        labels
    }

    /// Tolerations beyond those that GKE adds by itself for whoever requests an accelerator: of Arm nodes, and of
    /// Spot nodes, which GKE taints where it makes them by itself and asks users to taint elsewhere.
    pub(super) fn tolerations(plan: &Plan<'_>) -> Option<Vec<Toleration>> {
        let arm = is_arm(plan.machine).then(|| tolerate("kubernetes.io/arch", "arm64"));
        let spot = plan.request.spot.then(|| tolerate(SPOT, "true"));
        let tolerations: Vec<Toleration> = arm.into_iter().chain(spot).collect();
        (!tolerations.is_empty()).then_some(tolerations)
    }

    /// Name under which the Custom Metrics Stackdriver Adapter offers a scraped gauge to autoscalers.
    pub(super) fn gauge(metric: &str) -> String {
        format!("prometheus.googleapis.com|{metric}|gauge")
    }
}

fn tolerate(key: &str, value: &str) -> Toleration {
    Toleration {
        key: Some(key.to_owned()),
        operator: Some("Equal".to_owned()),
        value: Some(value.to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }
}

/// Grace processors: A4X machines are the only Arm machines with accelerators, and their nodes are tainted.
fn is_arm(machine: &Machine) -> bool {
    machine.name.starts_with("a4x-")
}
