//! What a user asks for, in the user's terms.

use serde::{Deserialize, Serialize};

use crate::autoscale::AutoscalingOptions;
use crate::catalog::Precision;
use crate::workload::{Itl, Ntpot, Targets, Traffic, Ttft};

/// A request for manifests. It stands on every Deployment that it made (annotation
/// `kubectl-infer.io/request`), so that the same question can be asked again of a later catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestRequest {
    /// Model: catalog id, alias, or id of one of its checkpoints.
    pub model: String,
    /// Model server.
    pub model_server: String,
    /// Version of the server; absent: the one that the recommendation names, else the newest with an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_server_version: Option<String>,
    /// Accelerator: GKE's label value or an alias.
    pub accelerator_type: String,
    /// Machine type; absent: the cheapest that meets the targets, else the smallest that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Accelerators of one replica; absent: as recommended, else the fewest that hold the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerators: Option<u32>,
    /// Precision of the weights; absent: the stock checkpoint's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Namespace of all objects; absent: none is written, and `kubectl` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Highest median time to first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ttft_milliseconds: Option<f64>,
    /// Highest median inter-token latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_itl_milliseconds: Option<f64>,
    /// Highest median normalised time per output token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ntpot_milliseconds: Option<f64>,
    /// Lengths of the requests; absent: those that the catalog's curves were measured with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Load to be ready for, which gives the fewest replicas; absent: that of one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Where the weights come from.
    #[serde(default)]
    pub storage: Storage,
    /// Whether the Pods run on Spot capacity.
    #[serde(default)]
    pub spot: bool,
    /// What is said about autoscaling.
    #[serde(default, skip_serializing_if = "AutoscalingOptions::is_default")]
    pub autoscaling: AutoscalingOptions,
}

impl ManifestRequest {
    /// A request without targets: base manifests that load from the Hugging Face Hub.
    pub fn new(model: &str, model_server: &str, accelerator_type: &str) -> Self {
        Self {
            model: model.to_owned(),
            model_server: model_server.to_owned(),
            model_server_version: None,
            accelerator_type: accelerator_type.to_owned(),
            instance_type: None,
            accelerators: None,
            precision: None,
            namespace: None,
            target_ttft_milliseconds: None,
            target_itl_milliseconds: None,
            target_ntpot_milliseconds: None,
            traffic: None,
            requests_per_second: None,
            storage: Storage::default(),
            spot: false,
            autoscaling: AutoscalingOptions::default(),
        }
    }

    /// The latency targets; with any of them the manifests scale by themselves.
    pub fn targets(&self) -> Targets {
        Targets {
            ttft: self.target_ttft_milliseconds.map(Ttft::from_milliseconds),
            itl: self.target_itl_milliseconds.map(Itl::from_milliseconds),
            ntpot: self.target_ntpot_milliseconds.map(Ntpot::from_milliseconds),
            ..Targets::default()
        }
    }
}

/// Where the weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Storage {
    /// Downloaded from the Hugging Face Hub when a Pod starts.
    HuggingFace {
        /// Where the Pod keeps them.
        #[serde(default)]
        cache: HubCache,
    },
    /// Read from a Cloud Storage bucket through Cloud Storage FUSE.
    Bucket {
        /// `gs://BUCKET/PATH` of the directory with `config.json` and the weights.
        model_bucket_uri: String,
        /// `gs://BUCKET/PATH` where TPU Pods keep compiled programs; absent: each keeps its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        xla_cache_bucket_uri: Option<String>,
        /// Kubernetes service account of the Pods, which the bucket has to admit; absent: `default`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service_account: Option<String>,
    },
}

impl Default for Storage {
    fn default() -> Self {
        Self::HuggingFace { cache: HubCache::Auto }
    }
}

/// Where a Pod keeps what it downloads from the Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubCache {
    /// Bundled local SSD if it holds the weights, else a default node's disk if it does, else RAM.
    #[default]
    Auto,
    /// The node's ephemeral storage, requested in full.
    Disk,
    /// RAM: `HF_HOME=/dev/shm/hf_cache`.
    Ram,
    /// A boot disk large enough, through a ComputeClass with `bootDiskSize`.
    BootDisk,
}

impl HubCache {
    /// All, as the command line names them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Disk, Self::Ram, Self::BootDisk];

    /// Name as the command line writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Disk => "disk",
            Self::Ram => "ram",
            Self::BootDisk => "boot-disk",
        }
    }
}
