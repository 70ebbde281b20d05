//! How the weights reach the server: from the Hugging Face Hub, or from a bucket.

pub(crate) mod bucket;
mod bucket_uri;
mod huggingface;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, EnvVar, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

pub(super) use bucket::DEFAULT_SERVICE_ACCOUNT;
pub use bucket_uri::BucketUri;
pub(crate) use huggingface::{RAM_CACHE, download_gib};
pub(super) use huggingface::{TOKEN_KEY, TOKEN_SECRET, token};

use super::request::Storage;
use super::{ManifestError, Plan};

/// Everything that the way of the weights adds to a Pod.
#[derive(Debug, Clone, Default)]
pub(super) struct StoragePlan {
    /// Where the server finds the weights; `None`: the Hub id.
    pub(super) path: Option<&'static str>,
    /// Environment of the server.
    pub(super) env: Vec<EnvVar>,
    /// Volumes of the Pod, `/dev/shm` excepted.
    pub(super) volumes: Vec<Volume>,
    /// Mounts of the server.
    pub(super) mounts: Vec<VolumeMount>,
    /// Annotations of the Pod template.
    pub(super) template_annotations: BTreeMap<String, String>,
    /// Service account of the Pod, where it matters.
    pub(super) service_account: Option<String>,
    /// Ephemeral storage to request, in GiB.
    pub(super) ephemeral_gib: Option<u64>,
    /// What the mount's sidecar takes of the Pod's share.
    pub(super) sidecar: Option<SidecarNeeds>,
    /// Where the weights are kept.
    pub(super) cache: WeightCache,
    /// Boot disk in GiB that the node pool needs; larger than the default only where it has to be.
    pub(super) boot_disk_gib: Option<u64>,
}

/// Where a running Pod keeps its copy of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum WeightCache {
    /// The node's boot disk.
    #[default]
    BootDisk,
    /// A boot disk of a size of its own, through a ComputeClass.
    ComputeClass,
    /// Bundled local SSD.
    LocalSsd,
    /// The server's own memory, under `/dev/shm`.
    Shm {
        /// GiB they take.
        gib: u64,
    },
    /// Memory of the FUSE sidecar.
    SidecarMemory {
        /// GiB they take.
        gib: u64,
    },
    /// Nowhere: every start reads the bucket.
    None,
}

/// What a sidecar that the platform injects takes of the Pod's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SidecarNeeds {
    /// Memory, requested and limited.
    pub(crate) memory_gib: u64,
    /// Processors requested, in thousandths.
    pub(crate) requested_millicores: u64,
}

impl StoragePlan {
    /// Decides how the weights of `plan` reach the server.
    pub(super) fn of(plan: &Plan<'_>) -> Result<Self, ManifestError> {
        match &plan.request.storage {
            Storage::HuggingFace { cache } => huggingface::plan(plan, *cache),
            Storage::Bucket { model_bucket_uri, xla_cache_bucket_uri, service_account } => {
                let model = BucketUri::parse(model_bucket_uri)?;
                let xla_cache = xla_cache_bucket_uri.as_deref().map(BucketUri::parse).transpose()?;
                bucket::plan(plan, &model, xla_cache.as_ref(), service_account.as_deref())
            }
        }
    }

    /// GiB of `/dev/shm` that the weights take.
    pub(super) fn shm_for_weights_gib(&self) -> u64 {
        match self.cache {
            WeightCache::Shm { gib } => gib,
            _ => 0,
        }
    }

    /// GiB of the Pod's memory that the weights take, whichever container pays.
    pub(super) fn memory_for_weights_gib(&self) -> u64 {
        match self.cache {
            WeightCache::Shm { gib } | WeightCache::SidecarMemory { gib } => gib,
            _ => 0,
        }
    }
}

/// Whole GiB that hold `gib`, rounded up.
fn whole_gib(gib: f64) -> u64 {
    // Sizes of checkpoints: non-negative, far below 2^53.
    gib.max(0.0).ceil() as u64
}

/// An `emptyDir` of at most `gib`, in memory or on the node's disk.
pub(super) fn empty_dir(name: &str, gib: u64, in_memory: bool) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: in_memory.then(|| "Memory".to_owned()),
            size_limit: Some(Quantity(format!("{gib}Gi"))),
        }),
        ..Volume::default()
    }
}

/// A mount of a volume.
pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// A variable with a literal value.
pub(super) fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}
