//! An autoscaler at work.

use std::time::Duration;

use clap::Args;

use crate::arguments::{ConnectionOptions, values};

/// Watch an autoscaler at work: its replicas, what each metric reads against its target, and what happens to it.
///
/// On a terminal the view is drawn again at every look; elsewhere a line is printed whenever something changes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer autoscaling watch gemma-2-27b-it-vllm

  # A log of ten minutes
  kubectl infer autoscaling watch gemma-2-27b-it-vllm --timeout 10m > scaling.log")]
pub(crate) struct WatchAutoscaling {
    /// HorizontalPodAutoscaler: `NAME` or `hpa/NAME`. KEDA makes one for each ScaledObject, named `keda-hpa-NAME`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Time between two looks.
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "2s")]
    pub(crate) interval: Duration,
    /// End after this time; without it Ctrl-C does.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
