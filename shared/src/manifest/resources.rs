//! What the Pod asks of its node: always its share of the machine that it is sized for, so that it runs on
//! that machine type or a larger one and waits, with the scheduler's reason, on a smaller one. An instance
//! type is not demanded by name: Autopilot refuses it, and a larger machine would serve as well.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::storage::{SidecarNeeds, StoragePlan};
use super::{ManifestError, Plan};
use crate::recommend::server_host_gib;

/// GiB of shared memory for the collectives of a replica of one accelerator, and of more.
const SHM_SINGLE_GIB: u64 = 2;
const SHM_PARALLEL_GIB: u64 = 16;

/// Host memory in GiB without which the server does not start.
pub(super) fn server_memory_gib(plan: &Plan<'_>) -> f64 {
    server_host_gib(plan.accelerators)
}

/// Memory in whole GiB of the replica's share of its machine.
pub(super) fn share_memory_gib(plan: &Plan<'_>) -> u64 {
    // Non-negative and far below 2^53: the cast is exact.
    (plan.machine.pod_memory_gib() * plan.machine_share()).floor() as u64
}

/// Processors of the replica's share of its machine, in steps of a tenth.
fn share_millicores(plan: &Plan<'_>) -> u64 {
    let tenths = (plan.machine.pod_vcpus() * plan.machine_share() * 10.0).floor();
    tenths as u64 * 100
}

/// Size in GiB of `/dev/shm`, weights kept there included. Only a cap: what is not written takes no memory.
pub(super) fn shm_gib(plan: &Plan<'_>, storage: &StoragePlan) -> u64 {
    let spare_gib = share_memory_gib(plan).saturating_sub(storage.memory_for_weights_gib());
    collectives_gib(plan.accelerators, spare_gib) + storage.shm_for_weights_gib()
}

/// GiB of `/dev/shm` for the collectives of a replica, at most half of `spare_gib` of memory.
pub(crate) fn collectives_gib(accelerators: u32, spare_gib: u64) -> u64 {
    let wanted = if accelerators > 1 { SHM_PARALLEL_GIB } else { SHM_SINGLE_GIB };
    wanted.min(spare_gib / 2).max(1)
}

/// Requests and limits of the server's container.
///
/// Memory is limited to what is requested, because a node that runs out of memory takes every Pod with it;
/// processors are not, because throttling the scheduler of a server stalls its accelerators.
pub(super) fn requirements(
    plan: &Plan<'_>,
    storage: &StoragePlan,
) -> Result<ResourceRequirements, ManifestError> {
    let sidecar = storage.sidecar.unwrap_or_default();
    let memory_gib = share_memory_gib(plan).saturating_sub(sidecar.memory_gib);
    let needed_gib = server_memory_gib(plan) + storage.shm_for_weights_gib() as f64;
    if (memory_gib as f64) < needed_gib {
        let available_gib = memory_gib as f64;
        return Err(ManifestError::Memory { machine: plan.machine.name.clone(), needed_gib, available_gib });
    }
    let accelerator = (plan.accelerator.kind.resource().to_owned(), Quantity(plan.accelerators.to_string()));
    let memory = ("memory".to_owned(), Quantity(format!("{memory_gib}Gi")));
    let limits = BTreeMap::from([accelerator.clone(), memory.clone()]);
    let mut requests = BTreeMap::from([accelerator, memory, ("cpu".to_owned(), cpu(plan, sidecar))]);
    if let Some(gib) = storage.ephemeral_gib {
        requests.insert("ephemeral-storage".to_owned(), Quantity(format!("{gib}Gi")));
    }
    Ok(ResourceRequirements { limits: Some(limits), requests: Some(requests), claims: None })
}

fn cpu(plan: &Plan<'_>, sidecar: SidecarNeeds) -> Quantity {
    let millicores = share_millicores(plan).saturating_sub(sidecar.requested_millicores).max(100);
    if millicores.is_multiple_of(1000) {
        Quantity((millicores / 1000).to_string())
    } else {
        Quantity(format!("{millicores}m"))
    }
}
