//! Where compiled programs are kept.

use crate::inspect::{Autoscaler, CacheDirectory, Mount, PointerBuf, ServingPod, Told, Volume, VolumeSource};
use crate::rules::Facts;

/// Variables that name a directory of compiled programs (vLLM, PyTorch/XLA and JAX).
pub(super) const VARIABLES: [&str; 5] = [
    "VLLM_XLA_CACHE_PATH",
    "XLA_CACHE_DIR",
    "JAX_COMPILATION_CACHE_DIR",
    "VLLM_TORCH_COMPILE_CACHE_DIR",
    "VLLM_CACHE_ROOT",
];

/// A directory of compiled programs that lies on a volume.
#[derive(Debug, Clone)]
pub(super) struct CompilationCache<'a> {
    /// The variable that names it.
    pub(super) variable: &'static str,
    /// Where the variable stands, unless a script sets it.
    pub(super) at: Option<PointerBuf>,
    /// The mount that holds it.
    pub(super) mount: &'a Mount<'a>,
    /// The volume of that mount.
    pub(super) volume: &'a Volume<'a>,
}

impl<'a> CompilationCache<'a> {
    /// The caches of `pod` that lie on volumes; one on the container's own disk is nobody else's business.
    pub(super) fn of(pod: &'a ServingPod<'a>) -> Vec<Self> {
        let named = pod.compilation_caches().into_iter();
        let on_volumes = named.filter_map(|directory| {
            let CacheDirectory { path: Told::Is(path), set_by: Some(variable), at } = directory else {
                return None;
            };
            let mount = pod.serving().mount_of(&path)?;
            let volume = pod.volumes.iter().find(|volume| volume.name == mount.volume)?;
            let at = at.filter(|_| !pod.variables.is_set_by_script(variable));
            Some(Self { variable, at, mount, volume })
        });
        on_volumes.collect()
    }

    /// The place to show a person.
    pub(super) fn pointer(&self) -> &PointerBuf {
        self.at.as_ref().unwrap_or(&self.mount.at)
    }

    /// Whether nothing can be written to it.
    pub(super) fn is_read_only(&self) -> bool {
        let volume = match self.volume.source {
            VolumeSource::Fuse { read_only, .. } | VolumeSource::Claim { read_only, .. } => read_only,
            VolumeSource::Configuration => true,
            _ => false,
        };
        volume || self.mount.read_only
    }

    /// Whether every replica writes to the same directory: a bucket, a claim by name, NFS, and no directory of the
    /// replica's own in it.
    pub(super) fn is_shared(&self, facts: &Facts<'_>) -> bool {
        let shared = match self.volume.source {
            VolumeSource::Fuse { .. } => true,
            VolumeSource::Claim { name, .. } => name.is_some(),
            _ => self.volume.value.get("nfs").is_some(),
        };
        let own_directory = facts.workload.object.pointer(self.mount.at.as_str());
        let own_directory = own_directory.is_some_and(|mount| mount.get("subPathExpr").is_some());
        shared && !own_directory && !self.is_read_only()
    }
}

/// Most replicas of the workload, by its own number or its autoscaler's; `None` where neither says so.
pub(in crate::rules) fn most_replicas(facts: &Facts<'_>) -> Option<u32> {
    let autoscalers = facts.background.neighbours.autoscalers_of(&facts.workload.identity);
    let scaled = autoscalers.iter().filter_map(Autoscaler::most_replicas);
    facts.workload.replicas.into_iter().chain(scaled).max()
}
