//! Nodes as GKE makes them of the catalog's machine types.

use crate::node::NodeShape;
use infer_core::catalog::{Accelerator, Machine};

impl NodeShape {
    /// A node of this machine type, with what GKE Standard and the node's own agents leave to Pods.
    ///
    /// `boot_disk_gib` is the ephemeral storage of a node pool whose boot disk was made larger, as the comments of a
    /// manifest ask where the weights need it.
    pub fn of_machine(machine: &Machine, accelerator: &Accelerator, boot_disk_gib: Option<u64>) -> Self {
        let kind = accelerator.kind;
        let ephemeral_gib = machine.pod_ephemeral_gib().max(boot_disk_gib.unwrap_or_default() as f64);
        let mut node = Self::new(&machine.name)
            .label(kind.gke_label(), &accelerator.id)
            .label("node.kubernetes.io/instance-type", &machine.name)
            .label("cloud.google.com/gke-spot", "true")
            .taint(&format!("{}=present:NoSchedule", kind.resource()))
            .resource("cpu", &format!("{:.0}m", machine.pod_vcpus() * 1000.0))
            .resource("memory", &format!("{:.0}Mi", machine.pod_memory_gib() * 1024.0))
            .resource("ephemeral-storage", &format!("{ephemeral_gib:.0}Gi"))
            .resource(kind.resource(), &machine.whole_accelerators().to_string());
        if let Some(topology) = machine.single_host_topology() {
            node = node.label("cloud.google.com/gke-tpu-topology", &topology.name);
        }
        node
    }
}
