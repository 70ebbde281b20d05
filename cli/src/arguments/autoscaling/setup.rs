//! What autoscalers need in a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use infer_core::autoscale::{AutoscalingOptions, Kind};

use crate::arguments::{ConnectionOptions, values};

/// Write what an autoscaler needs in the cluster, or apply it: the adapter that serves its metrics, the frontend that the
/// adapter asks, the service accounts, and as commands the bindings of roles and what helm installs.
///
/// What is there already stays, and the same command again changes nothing. An API of metrics that another adapter
/// serves is never taken over: nothing is applied then, and the message names the owner.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # The Custom Metrics Stackdriver Adapter, for a look
  kubectl infer autoscaling setup --autoscaler stackdriver

  # What prometheus-adapter asks, applied, and the values that helm installs it with
  kubectl infer autoscaling setup --autoscaler prometheus-adapter --project my-project --apply
  kubectl infer autoscaling setup --autoscaler prometheus-adapter --output values --output-path adapter-values.yaml

  # The memory of TPU chips, too
  kubectl infer autoscaling setup --autoscaler stackdriver --tpu-metrics")]
pub(crate) struct SetupAutoscaling {
    /// Kind of autoscaler.
    #[arg(long, value_name = "KIND", value_parser = values::autoscaler(), default_value = Kind::Stackdriver.name())]
    pub(crate) autoscaler: Kind,
    /// Name of the cluster, by which queries tell its series from those of others; `inference` without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster_name: Option<String>,
    /// Address of a Prometheus of your own; without it a frontend for Managed Service for Prometheus is installed.
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus_url: Option<String>,
    /// Scrape the memory of TPU chips from GKE's device plugin, too.
    #[arg(long)]
    pub(crate) tpu_metrics: bool,
    /// Time between two scrapes of TPU chips; 15 s without it, and no less.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) scrape_interval: Option<Duration>,
    /// Apply the objects to the cluster, after a look at who owns the APIs of metrics.
    #[arg(long, conflicts_with_all = ["output", "output_path"])]
    pub(crate) apply: bool,
    /// Take over fields that somebody else manages, such as helm.
    #[arg(long, requires = "apply")]
    pub(crate) force_conflicts: bool,
    /// What to write.
    #[arg(short, long, value_enum, default_value = "all", help_heading = "Output options")]
    pub(crate) output: SetupOutput,
    /// Write to this file, whole or not at all; `-` is standard output.
    #[arg(long, value_name = "PATH", help_heading = "Output options")]
    pub(crate) output_path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

/// What is written of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetupOutput {
    /// The objects as YAML, under the header.
    Manifest,
    /// The commands to run, as YAML comments.
    Comments,
    /// Both.
    All,
    /// The objects as one JSON List.
    Json,
    /// The values of prometheus-adapter's Helm chart.
    Values,
}

impl SetupAutoscaling {
    /// As the core takes them.
    pub(crate) fn options(&self) -> AutoscalingOptions {
        AutoscalingOptions {
            autoscaler: self.autoscaler,
            cluster_name: self.cluster_name.clone(),
            prometheus_url: self.prometheus_url.clone(),
            // Above what is accepted, where it is refused with what is.
            scrape_seconds: self
                .scrape_interval
                .map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX)),
            ..AutoscalingOptions::default()
        }
    }
}
