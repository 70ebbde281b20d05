//! What an autoscaler does.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::{ConnectionOptions, DocumentFormat};

/// Say what an autoscaler does: which metric it reads, who has to serve it, at which load it scales.
///
/// Reads HorizontalPodAutoscalers of any version and ScaledObjects of KEDA, from a file together with the workload that
/// they scale, or from the cluster.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer autoscaling explain -f manifests.yaml

  # An autoscaler of the cluster
  kubectl infer autoscaling explain gemma-2-27b-it-vllm")]
pub(crate) struct ExplainAutoscaling {
    /// Autoscaler of the cluster: `NAME`, `hpa/NAME` or `scaledobject/NAME`.
    #[arg(value_name = "NAME", required_unless_present = "filename", conflicts_with = "filename")]
    pub(crate) name: Option<String>,
    /// File with autoscalers and their workloads, or folder of files; `-` is standard input; repeatable.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: Vec<PathBuf>,
    /// Format; plain text without it.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
