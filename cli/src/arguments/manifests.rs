//! Manifests, their comparison, and the upload of a model.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use infer_core::catalog::Precision;
use infer_core::manifest::HubCache;

use super::AutoscalerOptions;
use super::profiles::{LatencyTargets, StackOptions, TrafficOptions};
use super::values;

/// `manifests …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ManifestsCommand {
    Create(Box<CreateManifests>),
    Diff(DiffManifests),
}

/// `transfer …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TransferCommand {
    Create(CreateTransfer),
}

/// What is written of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ManifestOutput {
    /// The objects as YAML, under the header.
    Manifest,
    /// The commands to run before and after, as YAML comments.
    Comments,
    /// Both.
    All,
    /// Same as `manifest`.
    Yaml,
    /// The objects as one JSON List.
    Json,
    /// The values of prometheus-adapter's Helm chart that the autoscaler needs.
    Values,
}

/// What to write manifests for.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestOptions {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    /// Model server.
    #[arg(long, value_name = "SERVER", default_value = "vllm")]
    pub(crate) model_server: String,
    /// Version of the model server; without it the measured one that is recommended, else the newest.
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_server_version: Option<String>,
    /// Accelerator (`kubectl infer accelerators list --model MODEL`).
    #[arg(long, value_name = "ACCELERATOR")]
    pub(crate) accelerator_type: String,
    /// Accelerators of a replica; without it as recommended, else the fewest that hold the model.
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    pub(crate) accelerator_count: Option<u32>,
    /// Machine type; without it the cheapest that meets the targets, else the smallest that fits.
    #[arg(long, value_name = "MACHINE")]
    pub(crate) instance_type: Option<String>,
    /// Precision of the weights; without it that of the model's own checkpoint.
    #[arg(long, value_name = "PRECISION", value_parser = values::precision())]
    pub(crate) precision: Option<Precision>,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) traffic: TrafficOptions,
    /// Requests a second to be ready for, which gives the replicas to start with; without it one replica.
    #[arg(
        long = "request-rate",
        visible_alias = "requests-per-second",
        value_name = "NUMBER",
        value_parser = values::rate,
        allow_negative_numbers = true
    )]
    pub(crate) requests_per_second: Option<f64>,
    /// Run on Spot capacity, which the cloud may take back.
    #[arg(long)]
    pub(crate) spot: bool,
    #[command(flatten)]
    pub(crate) latency: LatencyTargets,
    #[command(flatten)]
    pub(crate) autoscaler: AutoscalerOptions,
    /// Load the weights from this directory of a bucket, which holds `config.json`.
    #[arg(long, value_name = "gs://BUCKET/PATH", help_heading = "Storage")]
    pub(crate) model_bucket_uri: Option<String>,
    /// Keep the XLA compilation cache of TPU servers in this directory of a bucket.
    #[arg(long, value_name = "gs://BUCKET/PATH", requires = "model_bucket_uri", help_heading = "Storage")]
    pub(crate) xla_cache_bucket_uri: Option<String>,
    /// Kubernetes service account of the Pods, which the bucket lets in.
    #[arg(long, value_name = "NAME", requires = "model_bucket_uri", help_heading = "Storage")]
    pub(crate) service_account: Option<String>,
    /// Where Pods keep what they download from Hugging Face.
    #[arg(
        long,
        value_name = "PLACE",
        value_parser = values::hub_cache(),
        default_value = HubCache::Auto.name(),
        conflicts_with = "model_bucket_uri",
        help_heading = "Storage"
    )]
    pub(crate) hub_cache: HubCache,
}

/// How and where manifests are written.
#[derive(Debug, Clone, Args)]
pub(crate) struct WriteOptions {
    /// What to write.
    #[arg(short = 'o', long, value_enum, default_value = "all", help_heading = "Output options")]
    pub(crate) output: ManifestOutput,
    /// Write to this file, whole or not at all; `-` is standard output.
    #[arg(long, value_name = "PATH", help_heading = "Output options")]
    pub(crate) output_path: Option<PathBuf>,
    /// Day to write into the header.
    ///
    /// Without it the day of `SOURCE_DATE_EPOCH` where that is set, else none, so that the same input gives the
    /// same bytes.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date, help_heading = "Output options")]
    pub(crate) date: Option<String>,
}

/// Write the Kubernetes objects that serve a model, and the commands that go with them.
///
/// A Deployment, a Service and a PodMonitoring; with a latency target an autoscaler that keeps the median at it, with
/// the reason of its threshold in numbers. The same input gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer manifests create --model google/gemma-2-27b-it --model-server vllm \\
      --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200 | kubectl apply -f -

  # Weights from a bucket, saved to a file
  kubectl infer manifests create --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \\
      --model-bucket-uri gs://BUCKET/gemma --output-path manifests.yaml

  # Scaled by KEDA, ready for 20 requests a second and for 60 at the peak
  kubectl infer manifests create --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \\
      --target-ntpot-milliseconds 200 --autoscaler keda --request-rate 20 --peak-request-rate 60

  # Only the commands to run: quota, node pool, Secret, first request
  kubectl infer manifests create --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \\
      --output comments")]
pub(crate) struct CreateManifests {
    #[command(flatten)]
    pub(crate) manifest: ManifestOptions,
    #[command(flatten)]
    pub(crate) write: WriteOptions,
}

/// Compare a file of manifests with what today's catalog would write.
///
/// The file says itself what it was asked for: `manifests create` notes the request on the Deployment. The
/// catalog's version and the date in the header are not compared.
///
/// Exit status 0: the same; 1: different; 2: it could not be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer manifests diff -f manifests.yaml

  # What runs in the cluster
  kubectl get deployment,service,hpa,podmonitoring -l recommender.ai.gke.io/generated=true -o yaml \\
      | kubectl infer manifests diff -f -")]
pub(crate) struct DiffManifests {
    /// File to compare with; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: PathBuf,
}

/// Write the Job that copies a model from Hugging Face into a bucket.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer transfer create --model google/gemma-2-27b-it --model-bucket-uri gs://BUCKET/gemma \\
      | kubectl apply -f -")]
pub(crate) struct CreateTransfer {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    /// Directory of a bucket to copy into.
    #[arg(long, value_name = "gs://BUCKET/PATH")]
    pub(crate) model_bucket_uri: String,
    /// Precision of the weights; without it that of the model's own checkpoint.
    #[arg(long, value_name = "PRECISION", value_parser = values::precision())]
    pub(crate) precision: Option<Precision>,
    /// Kubernetes service account of the Job, which may write to the bucket.
    #[arg(long, value_name = "NAME")]
    pub(crate) service_account: Option<String>,
    #[command(flatten)]
    pub(crate) write: WriteOptions,
}
