//! GKE machine types, and what a node of each can give to Pods.

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::entry::{Entry, Problem, Reference, Section, count, name, positive};

/// One TPU slice shape of a machine type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Topology {
    /// GKE's label value: `2x4`.
    pub name: String,
    /// Machines of this type in one slice; more than one is a multi-host slice.
    pub machines: u32,
}

/// A machine type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    /// GCE's name: `g2-standard-48`.
    pub name: String,
    /// Catalog id of its accelerator, which is the value of GKE's node label.
    pub accelerator: String,
    /// Accelerator chips of one machine; below 1 for machines that hold a part of a GPU.
    pub accelerators: f64,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in GiB (GCE states machine memory in GiB, whatever a table's header says).
    pub memory_gib: f64,
    /// Local SSD that comes with the machine and serves as ephemeral storage, in GB (10^9 bytes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundled_local_ssd_gb: Option<u64>,
    /// TPU slice shapes; empty for GPU machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topologies: Vec<Topology>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

impl Machine {
    /// Whole accelerators of one machine; 0 for a machine that holds a part of one.
    pub fn whole_accelerators(&self) -> u32 {
        // Counts are small integers or fractions below one; the cast truncates towards zero by definition.
        self.accelerators as u32
    }

    /// The topology of a slice that is one machine, where it is a TPU machine that can be one.
    pub fn single_host_topology(&self) -> Option<&Topology> {
        self.topologies.iter().find(|topology| topology.machines == 1)
    }

    /// Memory in GiB that GKE Standard leaves to Pods of the user.
    ///
    /// GKE reserves 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112 and
    /// 2 % of what is above 128 GiB, and 100 MiB as eviction threshold
    /// (cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes). The node's own agents take more:
    /// see [`Self::agents_memory_gib`].
    pub fn allocatable_memory_gib(&self) -> f64 {
        const STEPS: [(f64, f64); 5] =
            [(4.0, 0.25), (4.0, 0.20), (8.0, 0.10), (112.0, 0.06), (f64::INFINITY, 0.02)];
        const EVICTION_GIB: f64 = 100.0 / 1024.0;
        self.memory_gib - stepped(self.memory_gib, &STEPS) - EVICTION_GIB
    }

    /// Processors that GKE Standard leaves to Pods: 6 % of the first core are reserved, 1 % of the second,
    /// 0.5 % of the third and fourth, 0.25 % of each further one.
    pub fn allocatable_vcpus(&self) -> f64 {
        const STEPS: [(f64, f64); 4] = [(1.0, 0.06), (1.0, 0.01), (2.0, 0.005), (f64::INFINITY, 0.0025)];
        let vcpus = f64::from(self.vcpus);
        vcpus - stepped(vcpus, &STEPS)
    }

    /// Memory in GiB to leave to the node's own agents (logging, metrics, CSI, device plugin): 2 GiB on
    /// machines of 64 GiB and more, 512 MiB below.
    pub fn agents_memory_gib(&self) -> f64 {
        if self.memory_gib >= 64.0 { 2.0 } else { 0.5 }
    }

    /// Processors to leave to the node's own agents: 1 on machines of 16 and more, 0.5 below.
    pub fn agents_vcpus(&self) -> f64 {
        if self.vcpus >= 16 { 1.0 } else { 0.5 }
    }

    /// Most memory in GiB that one Pod of the user can request on an otherwise empty node.
    pub fn pod_memory_gib(&self) -> f64 {
        (self.allocatable_memory_gib() - self.agents_memory_gib()).max(0.0)
    }

    /// Most processors that one Pod of the user can request on an otherwise empty node.
    pub fn pod_vcpus(&self) -> f64 {
        (self.allocatable_vcpus() - self.agents_vcpus()).max(0.0)
    }
}

impl Machine {
    /// Ephemeral storage in GiB that one Pod of the user can request: of the bundled local SSD, else of a boot
    /// disk of GKE's default size.
    ///
    /// Of local SSD GKE keeps 10 % as eviction threshold, and 50 GiB with one disk of 375 GB, 75 with two, 100
    /// with more (cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes).
    pub fn pod_ephemeral_gib(&self) -> f64 {
        const GIB_PER_GB: f64 = 1e9 / super::GIB;
        const DISK_GB: u64 = 375;
        let Some(gb) = self.bundled_local_ssd_gb else { return BootDisk::DEFAULT.allocatable_gib() };
        let reserved = match gb / DISK_GB {
            0 | 1 => 50.0,
            2 => 75.0,
            _ => 100.0,
        };
        (gb as f64 * GIB_PER_GB * FORMATTED_SHARE * 0.9 - reserved).max(0.0)
    }
}

/// What a file system leaves of a disk: GKE's example node has 94.3 GiB on a disk of 100 GiB.
const FORMATTED_SHARE: f64 = 0.943;

/// A node's boot disk, which is its ephemeral storage where there is no local SSD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootDisk {
    /// Size in GiB.
    pub gib: u64,
}

impl BootDisk {
    /// What a node has unless its pool says otherwise.
    pub const DEFAULT: Self = Self { gib: 100 };

    /// Ephemeral storage in GiB that Pods can request.
    ///
    /// GKE keeps 10 % as eviction threshold and the least of 50 %, 6 GiB + 35 % and 100 GiB for the system and
    /// images: 43.9 GiB of the default disk, as in GKE's own example
    /// (cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes).
    pub fn allocatable_gib(self) -> f64 {
        let gib = self.gib as f64;
        let reserved = (0.5 * gib).min(6.0 + 0.35 * gib).min(100.0);
        (gib * FORMATTED_SHARE * 0.9 - reserved).max(0.0)
    }

    /// Use in GiB of the disk, images included, from which the kubelet evicts Pods: all but a tenth of it.
    pub fn evicts_above_gib(self) -> f64 {
        self.gib as f64 * FORMATTED_SHARE * 0.9
    }

    /// The smallest disk, in steps of 50 GiB, that gives Pods `gib`.
    pub fn holding(gib: f64) -> Self {
        let mut disk = Self::DEFAULT;
        // GCE's largest disk is 64 TiB.
        while disk.allocatable_gib() < gib && disk.gib < 64 * 1024 {
            disk.gib += 50;
        }
        disk
    }
}

/// Sum over consecutive steps of `(width, share)` of what falls into each step, times its share.
fn stepped(amount: f64, steps: &[(f64, f64)]) -> f64 {
    let mut left = amount;
    let mut reserved = 0.0;
    for (width, share) in steps {
        let here = left.min(*width);
        reserved += here * share;
        left -= here;
    }
    reserved
}

impl Entry for Machine {
    const KIND: &'static str = "machine";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("name", &self.name)?;
        positive("accelerators", self.accelerators, 1024.0)?;
        if self.accelerators > 1.0 && self.accelerators.fract() != 0.0 {
            return Err(Problem::new(
                "accelerators",
                format!("is {}: a whole number, or a part of one accelerator", self.accelerators),
            ));
        }
        count("vcpus", self.vcpus.into(), 100_000)?;
        positive("memoryGib", self.memory_gib, 1e6)?;
        if let Some(gigabytes) = self.bundled_local_ssd_gb {
            count("bundledLocalSsdGb", gigabytes, 10_000_000)?;
        }
        for topology in &self.topologies {
            self.validate_topology(topology)?;
        }
        self.evidence.validate()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        vec![Reference { field: "accelerator", section: Section::Accelerators, name: &self.accelerator }]
    }
}

impl Machine {
    /// The chips that a topology names are those of its machines.
    fn validate_topology(&self, topology: &Topology) -> Result<(), Problem> {
        count("topologies.machines", topology.machines.into(), 10_000)?;
        let sides: Option<Vec<u64>> = topology.name.split('x').map(|side| side.parse().ok()).collect();
        let chips = sides.and_then(|sides| sides.into_iter().try_fold(1_u64, u64::checked_mul));
        let held = u64::from(topology.machines) * u64::from(self.whole_accelerators());
        if chips == Some(held) {
            return Ok(());
        }
        Err(Problem::new(
            "topologies.name",
            format!(
                "is `{}`: sides joined by `x` whose product is the chips of {} machines ({held}) are accepted",
                topology.name, topology.machines
            ),
        ))
    }
}
