//! Model servers: images, arguments, metrics and defaults, by version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Problem, Reference, Section, name, positive};
use super::{AcceleratorKind, Evidence};

/// A model server and how a Pod starts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// Lower-case name: `vllm`.
    pub name: String,
    /// Name as its makers write it: `vLLM`.
    pub display_name: String,
    /// Other names that find it: `tensorrt-llm`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Port that the server's API listens on in our manifests.
    pub port: u16,
    /// Path that answers 200 once the model is loaded.
    pub health_path: String,
    /// Port of Prometheus metrics, where it is not the API's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_port: Option<u16>,
    /// Path of Prometheus metrics.
    pub metrics_path: String,
    /// Version that manifests take when the user names none, by what it runs on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub default_versions: BTreeMap<AcceleratorKind, String>,
    /// Versions, oldest first.
    pub versions: Vec<ServerVersion>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// What one version of a server is and does differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerVersion {
    /// Canonical name: `v0.7.2`.
    pub version: String,
    /// Other spellings of the same version, as sources and users write it: `0.7.2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Images by kind of accelerator. Without any, measurements of this version are known but no manifest of
    /// it can be written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ServerImage>,
    /// Names of the arguments that manifests use. Absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<ArgumentNames>,
    /// Share of the device's memory that the server takes unless told otherwise, for what `memory_scope` says.
    pub memory_fraction: f64,
    /// What the share is of, and for.
    #[serde(default, skip_serializing_if = "MemoryScope::is_everything")]
    pub memory_scope: MemoryScope,
    /// Scheduler limits unless told otherwise, by device; the first entry that holds for a device counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduler_defaults: Vec<SchedulerDefaults>,
    /// What else changed in this version, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// What a server's share of the device's memory is of, and for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryScope {
    /// Of the device, for weights, activations and cache: `--gpu-memory-utilization` of vLLM.
    #[default]
    Everything,
    /// Of what is free before the weights are loaded, for weights and cache; activations live in the rest:
    /// `--mem-fraction-static` of SGLang.
    WeightsAndCache,
    /// Of what weights and activations leave, for the cache: `--kv_cache_free_gpu_memory_fraction` of TensorRT-LLM.
    Rest,
}

impl MemoryScope {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_everything(&self) -> bool {
        *self == Self::Everything
    }
}

/// Scheduler limits that a version takes on some devices when no argument says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchedulerDefaults {
    /// Holds for devices with at least this nominal memory; absent: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least_memory_gib: Option<f64>,
    /// Holds for these accelerators only (catalog ids); empty: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_accelerators: Vec<String>,
    /// Does not hold for these accelerators (catalog ids).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_accelerators: Vec<String>,
    /// Sequences scheduled at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sequences: Option<u32>,
    /// Tokens scheduled in one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batched_tokens: Option<u32>,
}

/// A container image of one server version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerImage {
    /// What it runs on.
    pub accelerator_kind: AcceleratorKind,
    /// Full reference with tag.
    pub image: String,
    /// Command that starts the server in it; empty: the image's own entrypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment without which the image does not run on GKE.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Compressed or unpacked size in GB where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<f64>,
}

/// How a version spells the arguments that manifests set. `None`: the version has no such argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgumentNames {
    /// Model id or path. `None`: positional, first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name under which the API serves the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_model_name: Option<String>,
    /// Listening address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Listening port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Tensor parallel size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor_parallel: Option<String>,
    /// Attention data parallel size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_parallel: Option<String>,
    /// Expert parallelism: a switch, or a size where the value of `{expert}` stands in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expert_parallel: Option<String>,
    /// Longest sequence in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_context: Option<String>,
    /// Sequences at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sequences: Option<String>,
    /// Share of device memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_fraction: Option<String>,
    /// Element type of computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Quantization of the weights at load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Arguments that every start of this version carries, such as SGLang's `--enable-metrics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<String>,
    /// Whether a value stands in the same element (`--k=v`) rather than the next.
    #[serde(default)]
    pub joined_by_equals: bool,
}

impl Server {
    /// The version that a manifest takes when the user names none; `None` where no version of this server can
    /// be written for that kind of accelerator.
    pub fn default_version(&self, kind: AcceleratorKind) -> Option<&ServerVersion> {
        let name = self.default_versions.get(&kind)?;
        self.versions.iter().find(|version| version.version == *name)
    }
}

impl ServerVersion {
    /// The image that runs on this kind of accelerator.
    pub fn image(&self, kind: AcceleratorKind) -> Option<&ServerImage> {
        self.images.iter().find(|image| image.accelerator_kind == kind)
    }
}

impl Entry for Server {
    const KIND: &'static str = "server";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("name", &self.name)?;
        name("displayName", &self.display_name)?;
        for path in [&self.health_path, &self.metrics_path] {
            if !path.starts_with('/') {
                return Err(Problem::new(
                    "healthPath or metricsPath",
                    format!("is `{path}`: a path starts with `/`"),
                ));
            }
        }
        for version in &self.versions {
            version
                .validate()
                .map_err(|problem| problem.within(&format!("versions[{}]", version.version)))?;
        }
        for (kind, version) in &self.default_versions {
            let written = self.default_version(*kind).and_then(|version| version.image(*kind));
            if written.is_none() {
                let reason = format!("names `{version}`: a version with an image for that kind is accepted");
                return Err(Problem::new("defaultVersions", reason));
            }
        }
        self.evidence.validate()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        let devices = self
            .versions
            .iter()
            .flat_map(|version| &version.scheduler_defaults)
            .flat_map(|defaults| defaults.only_accelerators.iter().chain(&defaults.except_accelerators));
        devices
            .map(|accelerator| Reference {
                field: "versions.schedulerDefaults",
                section: Section::Accelerators,
                name: accelerator,
            })
            .collect()
    }
}

impl ServerVersion {
    fn validate(&self) -> Result<(), Problem> {
        name("version", &self.version)?;
        positive("memoryFraction", self.memory_fraction, 1.0)?;
        for image in &self.images {
            name("images.image", &image.image)?;
        }
        self.evidence.validate()
    }
}
