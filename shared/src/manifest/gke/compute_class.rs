//! A compute class of the replica's own, for a boot disk that holds the weights.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::Gke;
use crate::catalog::AcceleratorKind;
use crate::manifest::{Plan, labels};

/// `cloud.google.com/v1` ComputeClass, as far as manifests use it. It belongs to no namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeClass {
    api_version: &'static str,
    kind: &'static str,
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// Which machines.
    pub spec: ComputeClassSpec,
}

/// Which machines, in order of preference, and whether GKE makes node pools of them by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeClassSpec {
    priorities: Vec<Priority>,
    node_pool_auto_creation: AutoCreation,
    when_unsatisfiable: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Priority {
    machine_type: String,
    spot: bool,
    storage: Disk,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<Gpu>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpu: Option<Tpu>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Disk {
    boot_disk_size: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gpu {
    #[serde(rename = "type")]
    type_: String,
    count: u32,
    /// GKE's default is older than what the CUDA of new images asks for.
    driver_version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tpu {
    #[serde(rename = "type")]
    type_: String,
    count: u32,
    topology: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct AutoCreation {
    enabled: bool,
}

impl Gke {
    /// The machine of the plan with a boot disk of `boot_disk_gib`.
    pub(in crate::manifest) fn compute_class(plan: &Plan<'_>, boot_disk_gib: u64) -> ComputeClass {
        let type_ = plan.accelerator.id.clone();
        let count = plan.machine.whole_accelerators();
        let (gpu, tpu) = match plan.accelerator.kind {
            AcceleratorKind::Gpu => (Some(Gpu { type_, count, driver_version: "latest" }), None),
            AcceleratorKind::Tpu => {
                let topology = plan.topology().unwrap_or_default().to_owned();
                (None, Some(Tpu { type_, count, topology }))
            }
        };
        let priority = Priority {
            machine_type: plan.machine.name.clone(),
            spot: plan.request.spot,
            storage: Disk { boot_disk_size: boot_disk_gib },
            gpu,
            tpu,
        };
        ComputeClass {
            api_version: "cloud.google.com/v1",
            kind: "ComputeClass",
            metadata: ObjectMeta { namespace: None, ..labels::metadata(plan, plan.workload()) },
            spec: ComputeClassSpec {
                priorities: vec![priority],
                node_pool_auto_creation: AutoCreation { enabled: true },
                when_unsatisfiable: "DoNotScaleUp",
            },
        }
    }
}
