//! Whether the container's memory holds what lies in RAM, and the volume for it.

use serde_json::json;

use crate::catalog::GIB;
use crate::inspect::VolumeSource;
use crate::manifest::{collectives_gib, download_gib};
use crate::recommend::server_host_gib;
use crate::rules::{Edit, Facts};

/// Where Linux programs share memory.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// Memory of a serving container beside what it needs with the weights in RAM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MemoryBudget {
    /// The weights as they are stored, in GiB.
    pub(super) weights_gib: f64,
    /// The download, in GiB: the weights and what comes with them.
    pub(super) download_gib: u64,
    /// What the server takes beside them.
    pub(super) server_gib: f64,
    /// The container's memory limit.
    pub(super) limit_gib: Option<f64>,
    /// What the scheduler sets aside for it.
    request_gib: Option<f64>,
    /// Memory that the least of the machines gives to one Pod; `None` where no machine is known.
    machine_gib: Option<f64>,
    accelerators: u32,
}

impl MemoryBudget {
    /// The budget of the serving container; `None` where the size of the weights or the number of accelerators is
    /// not known.
    pub(super) fn of(facts: &Facts<'_>) -> Option<Self> {
        let (_, checkpoint) = facts.model?;
        let weights_gib = checkpoint.bytes as f64 / GIB;
        let accelerators = facts.accelerators_per_pod()?;
        let resources = facts.pod.serving().resources;
        let machines = facts.machines.iter().map(|machine| machine.pod_memory_gib());
        Some(Self {
            weights_gib,
            download_gib: download_gib(weights_gib),
            server_gib: server_host_gib(accelerators),
            limit_gib: resources.memory_limit_bytes.map(|bytes| bytes / GIB),
            request_gib: resources.memory_request_bytes.map(|bytes| bytes / GIB),
            machine_gib: machines.reduce(f64::min),
            accelerators,
        })
    }

    /// GiB for weights and server.
    pub(super) fn needed_gib(&self) -> f64 {
        self.download_gib as f64 + self.server_gib
    }

    /// Whether the memory limit holds weights and server, and the node has the memory: because it is requested, or
    /// because each machine on which the Pod may land has it. Without a limit nothing is promised.
    pub(super) fn holds(&self) -> bool {
        let needed = self.needed_gib();
        let enough = |gib: Option<f64>| gib.is_some_and(|gib| gib >= needed);
        enough(self.limit_gib) && (enough(self.request_gib) || enough(self.machine_gib))
    }

    /// Size of `/dev/shm` with the weights in it: a cap, what is not written takes no memory.
    pub(super) fn shared_memory_gib(&self) -> u64 {
        let spare = self.limit_gib.unwrap_or_default() - self.needed_gib();
        // Non-negative and far below 2^53.
        self.download_gib + collectives_gib(self.accelerators, spare.max(0.0) as u64)
    }
}

/// Edits that mount `gib` of memory at `/dev/shm` of the serving container, which has no mount there.
pub(super) fn shared_memory(facts: &Facts<'_>, gib: u64) -> Vec<Edit> {
    let size = format!("{gib}Gi");
    let taken = |name: &str| {
        let volume = facts.pod.volumes.iter().find(|volume| volume.name == name);
        volume.is_some_and(|volume| {
            !matches!(volume.source, VolumeSource::Memory { size_bytes } if size_bytes.is_none_or(|size| size >= gib as f64 * GIB))
        })
    };
    let name = ["dshm", "shared-memory", "kubectl-infer-shared-memory"].into_iter().find(|name| !taken(name));
    let Some(name) = name else { return Vec::new() };
    vec![
        Edit::Append {
            list: facts.pod.pointer(["spec", "volumes"]),
            value: json!({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}}),
        },
        Edit::Append {
            list: facts.pod.serving().pointer(["volumeMounts"]),
            value: json!({"name": name, "mountPath": SHARED_MEMORY}),
        },
    ]
}
