//! Why no manifest can be written.

use thiserror::Error;

use crate::autoscale::AutoscaleError;
use crate::catalog::{CatalogError, Found, Precision};
use crate::curve::Range;
use crate::estimate::memory::DoesNotFit;
use crate::recommend::{Infeasible, RecommendError};
use crate::workload::LatencyMetric;

/// Why no manifest can be written, and what would be accepted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ManifestError {
    /// A name that Kubernetes refuses.
    #[error(
        "{what} `{}` is not a Kubernetes name: lower-case letters, digits and `-`, at most 63, a letter or \
         digit at both ends",
        .name.escape_debug()
    )]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Not of the form `owner/name`.
    #[error("`{}` is not a Hugging Face model id of the form `owner/name`", .0.escape_debug())]
    ModelId(String),
    /// Text with control characters, which could leave a comment or a command line.
    #[error("{what} `{}` contains control characters", .text.escape_debug())]
    ControlCharacters {
        /// What the text is.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A bucket URI that cannot be mounted.
    #[error("bucket URI `{}`: {reason}; expected `gs://BUCKET` or `gs://BUCKET/PATH`", .uri.escape_debug())]
    BucketUri {
        /// What was given.
        uri: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An XLA cache where nothing is compiled by XLA.
    #[error("an XLA cache is for TPUs; {accelerator} is a GPU: leave `--xla-cache-bucket-uri` out")]
    XlaCacheOnGpu {
        /// The accelerator.
        accelerator: String,
    },
    /// One bucket directory for weights and cache.
    #[error(
        "the model and the XLA cache are both at `{0}`: the cache is written and needs a directory of its own"
    )]
    XlaCacheInModel(String),
    /// An XLA cache on a server that has no variable for it.
    #[error("server {server} has no XLA cache that could lie in a bucket: only vLLM on TPU has")]
    NoXlaCache {
        /// The server.
        server: String,
    },
    /// The catalog knows measurements of this version, but not how to start it.
    #[error(
        "no manifest of {server} {version} on {kind} can be written yet: the catalog has no {what} for it{}",
        with_versions(.writable)
    )]
    ServerNotWritable {
        /// Server.
        server: String,
        /// Version.
        version: String,
        /// `GPU` or `TPU`.
        kind: &'static str,
        /// What is missing.
        what: &'static str,
        /// Versions of the server that can be written.
        writable: Vec<String>,
    },
    /// The configuration needs an argument that the version does not have.
    #[error("{server} {version} has no argument for {what}")]
    NoArgument {
        /// Server.
        server: String,
        /// Version.
        version: String,
        /// What would have to be set.
        what: &'static str,
    },
    /// Weights in a format that the chip does not compute with.
    #[error(
        "{accelerator} does not run {precision} weights: {} can{}",
        list_or(.capable, "no accelerator of the catalog"),
        or_weights(.instead)
    )]
    Precision {
        /// Accelerator.
        accelerator: String,
        /// Format of the weights.
        precision: Precision,
        /// Accelerators that run them.
        capable: Vec<String>,
        /// Formats of the same model that this accelerator runs.
        instead: Vec<Precision>,
    },
    /// The chip only has FP16, in which the model overflows.
    #[error(
        "{accelerator} has no bfloat16, and {architecture} is numerically unstable in FP16: take an \
         accelerator with bfloat16"
    )]
    UnstableInHalf {
        /// Accelerator.
        accelerator: String,
        /// Architecture of the model.
        architecture: String,
    },
    /// A machine of which Pods cannot have whole accelerators, or not these.
    #[error("machine type {machine} does not give {accelerators} accelerators to one Pod: {reason}")]
    Machine {
        /// Machine type.
        machine: String,
        /// Accelerators of the replica.
        accelerators: u32,
        /// Why not.
        reason: &'static str,
    },
    /// The Pod's share of the machine is too small for the server.
    #[error(
        "{machine} leaves {available_gib:.0} GiB of memory to this replica, the server needs \
         {needed_gib:.0} GiB"
    )]
    Memory {
        /// Machine type.
        machine: String,
        /// What the Pod needs.
        needed_gib: f64,
        /// What it can have.
        available_gib: f64,
    },
    /// Weights that fit neither the disk nor the RAM of the machine.
    #[error(
        "the weights ({weights_gib:.0} GiB) fit neither the ephemeral storage of {machine} ({disk_gib:.0} \
         GiB) nor its memory ({memory_gib:.0} GiB for this replica, server included): take a larger boot \
         disk (`--hub-cache boot-disk`), or load from a bucket (`--model-bucket-uri`)"
    )]
    CacheDoesNotFit {
        /// Machine type.
        machine: String,
        /// Weights.
        weights_gib: f64,
        /// Ephemeral storage of a Pod.
        disk_gib: f64,
        /// Memory of the Pod.
        memory_gib: f64,
    },
    /// No Google Cloud project.
    #[error("`{}` is no project id: letters, digits, `-`, `.` and `:` are accepted", .0.escape_debug())]
    Project(String),
    /// No autoscaler can be planned.
    #[error(transparent)]
    Autoscale(#[from] AutoscaleError),
    /// A name that the catalog does not have, or a catalog that cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A question that makes no sense.
    #[error(transparent)]
    Recommend(#[from] RecommendError),
    /// No configuration of the accelerator meets the targets.
    #[error("{}{infeasible}", ranges_of(.accelerator, .ranges))]
    OutOfReach {
        /// Accelerator.
        accelerator: String,
        /// What its curves reach, of each latency that was asked, in milliseconds.
        ranges: Vec<(LatencyMetric, Range)>,
        /// What is nearest.
        infeasible: Box<Infeasible>,
    },
    /// Nobody measured it, so there is no threshold that holds a latency.
    #[error(
        "nobody measured {model} with {server} on {accelerator}{}: a latency target needs a curve; leave \
         the target out, or add a profile with `--catalog`{}",
        with_traffic(.traffic.as_deref()), measured_on(.measured)
    )]
    NoCurve {
        /// Model.
        model: String,
        /// Server.
        server: String,
        /// Accelerator.
        accelerator: String,
        /// Lengths asked for.
        traffic: Option<String>,
        /// Accelerators for which there are curves of the model.
        measured: Vec<String>,
    },
    /// Somebody measured it, as no manifest can run it or as the request does not want it.
    #[error(
        "no manifest can follow the measurements of {model} with {server} on {accelerator}: {}; leave the \
         latency target out, or name what was measured",
        .reasons.join("; ")
    )]
    CurvesUnusable {
        /// Model.
        model: String,
        /// Server.
        server: String,
        /// Accelerator.
        accelerator: String,
        /// What stands against a curve, each reason once.
        reasons: Vec<String>,
    },
    /// The curve does not tell how many requests are in flight.
    #[error(
        "the curve of {model} on {accelerator} tells no requests in flight (it has no NTPOT): no threshold \
         can be read from it; leave the latency target out"
    )]
    NoRequestsInFlight {
        /// Model.
        model: String,
        /// Accelerator.
        accelerator: String,
    },
    /// The model has no weights of the precision that was asked.
    #[error("the catalog has no {asked} weights of {model}: it has {}", joined(.known))]
    NoSuchPrecision {
        /// Model.
        model: String,
        /// Asked for.
        asked: Precision,
        /// What there is.
        known: Vec<Precision>,
    },
    /// The model does not fit into the memory of the accelerators.
    #[error(
        "{model} does not fit on {accelerators} × {accelerator}: {why}{}; in one Pod it fits on {}",
        other_weights(.smaller.as_ref()), list_or(elsewhere, "no accelerator of GKE")
    )]
    DoesNotFit {
        /// Model.
        model: String,
        /// Accelerator.
        accelerator: String,
        /// How many.
        accelerators: u32,
        /// Why.
        why: DoesNotFit,
        /// Other weights of the model that the same accelerator holds, and on how many.
        smaller: Option<(Precision, u32)>,
        /// What holds it instead.
        elsewhere: Vec<String>,
    },
    /// No machine type holds the replica.
    #[error("{0}")]
    NoMachine(String),
    /// A load that nobody can be ready for.
    #[error("a load of {0} requests a second: it must be a positive, finite number")]
    Load(f64),
    /// An object could not be written as YAML or JSON.
    #[error("the manifest could not be rendered: {0}")]
    Render(String),
}

impl ManifestError {
    /// Of weights that nobody published in `asked`.
    pub(super) fn no_such_precision(found: Found<'_>, asked: Precision) -> Self {
        Self::NoSuchPrecision { model: found.checkpoint.id.clone(), asked, known: found.precisions() }
    }
}

fn list_or(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

fn ranges_of(accelerator: &str, ranges: &[(LatencyMetric, Range)]) -> String {
    let parts: Vec<String> = ranges
        .iter()
        .map(|(metric, range)| {
            format!("{metric} of {} is reachable on {accelerator}", range.in_milliseconds())
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!("{}; ", parts.join(", ")) }
}

fn or_weights(instead: &[Precision]) -> String {
    if instead.is_empty() {
        String::new()
    } else {
        format!("; it runs the model's {} weights", joined(instead))
    }
}

fn joined(precisions: &[Precision]) -> String {
    let names: Vec<&str> = precisions.iter().map(|precision| precision.name()).collect();
    names.join(", ")
}

fn with_traffic(traffic: Option<&str>) -> String {
    traffic.map(|traffic| format!(" at {traffic} tokens (within 20 %)")).unwrap_or_default()
}

fn measured_on(accelerators: &[String]) -> String {
    if accelerators.is_empty() { String::new() } else { format!("; measured is {}", accelerators.join(", ")) }
}

fn other_weights(smaller: Option<&(Precision, u32)>) -> String {
    let Some((precision, accelerators)) = smaller else { return String::new() };
    format!("; its {precision} weights fit on {accelerators} (`--precision {precision}`)")
}

fn with_versions(writable: &[String]) -> String {
    if writable.is_empty() { String::new() } else { format!("; it can be for {}", writable.join(", ")) }
}
