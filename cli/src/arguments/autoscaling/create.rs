//! An autoscaler for a workload that is there already.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use infer_core::attach::SignalChoice;

use super::AutoscalerOptions;
use crate::arguments::{ConnectionOptions, LatencyTargets, values};

/// Write an autoscaler for a Deployment that is there already, and what scrapes its metrics.
///
/// Reads the workload from a file or from the cluster, and keeps its labels, ports and names. Without `--signal` it takes
/// the best signals that the server's version exports; without a threshold or a latency target, half of what a signal can
/// read. The reasons stand in comments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # By what the curve of the configuration says
  kubectl infer autoscaling create -f deployment.yaml --target-ntpot-milliseconds 200

  # JetStream of the GKE tutorial, by its prefill backlog
  kubectl infer autoscaling create maxengine-server --signal waiting=10 --max-replicas 2

  # By the memory of its TPU chips
  kubectl infer autoscaling create maxengine-server --signal memory-used=100000000000 --max-replicas 2")]
pub(crate) struct CreateAutoscaling {
    /// Workload of the cluster: `NAME` of a Deployment, or `KIND/NAME`.
    #[arg(value_name = "NAME", required_unless_present = "filename", conflicts_with = "filename")]
    pub(crate) name: Option<String>,
    /// File with the workload; `-` is standard input; repeatable.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: Vec<PathBuf>,
    /// Signal to scale by, with a threshold of one replica or without; repeatable.
    ///
    /// `running`, `waiting`, `in-flight` (both, as one sum), `slots-used`, `kv-use`, `memory-used` and `memory-share` of
    /// TPU chips, or a metric's own name.
    #[arg(long, value_name = "SIGNAL[=NUMBER]")]
    pub(crate) signal: Vec<SignalChoice>,
    /// Fewest replicas.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) min_replicas: Option<u32>,
    /// Most replicas.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_replicas: Option<u32>,
    /// Requests a second to be ready for, which gives the fewest replicas; needs a latency target.
    #[arg(long, value_name = "NUMBER", value_parser = values::rate, allow_negative_numbers = true)]
    pub(crate) request_rate: Option<f64>,
    /// Port of the server's metrics, by number or name; without it the one that its arguments tell.
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<String>,
    #[command(flatten)]
    pub(crate) latency: LatencyTargets,
    #[command(flatten)]
    pub(crate) autoscaler: AutoscalerOptions,
    /// What to write.
    #[arg(short, long, value_enum, default_value = "all", help_heading = "Output options")]
    pub(crate) output: CreateOutput,
    /// Write to this file, whole or not at all; `-` is standard output.
    #[arg(long, value_name = "PATH", help_heading = "Output options")]
    pub(crate) output_path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

/// What is written of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CreateOutput {
    /// The objects as YAML, the reasons as comments.
    All,
    /// The objects as one JSON List.
    Json,
    /// The values of prometheus-adapter's Helm chart.
    Values,
}
