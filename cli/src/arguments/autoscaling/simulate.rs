//! What an autoscaler makes of traffic.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use infer_core::autoscale::simulation::Pattern;

use super::ReactionOptions;
use crate::arguments::{ListProfiles, PlotFile, values};

/// Play traffic against an autoscaler: who is served in time, how many replicas that takes, and what it costs.
///
/// The replica is the first row that `kubectl infer list` prints for the same flags. Its curve says how many requests
/// are in flight at a rate; the autoscaler decides as Kubernetes 1.36 does, on gauges that it sees late; what it adds
/// serves after its start. Beside it stand other thresholds and replicas that never change.
///
/// Shares within the targets count requests that arrive while the curve's statistic (its median, mostly) is within
/// them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # A day between 1 and 12 requests a second
  kubectl infer autoscaling simulate --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \\
      --target-ntpot-milliseconds 200 --pattern diurnal --lowest-request-rate 1 --peak-request-rate 12

  # Traffic of one's own, the autoscaler of a file, and a plot
  kubectl infer autoscaling simulate --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \\
      --trace traffic.csv -f manifests.yaml --plot simulation.svg")]
pub(crate) struct SimulateAutoscaling {
    #[command(flatten)]
    pub(crate) profiles: ListProfiles,

    /// CSV of traffic: `seconds` (or `time`, RFC 3339) and `requestsPerSecond`, evenly spaced; `-` is standard input.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "pattern",
        conflicts_with = "pattern",
        help_heading = "Traffic"
    )]
    pub(crate) trace: Option<PathBuf>,
    /// Shape of traffic between two rates: `step` (low, high, low), `diurnal` (a sine of 24 hours), `burst` (five
    /// minutes of high every hour).
    #[arg(long, value_name = "PATTERN", value_parser = values::pattern(), requires = "peak_request_rate", help_heading = "Traffic")]
    pub(crate) pattern: Option<Pattern>,
    /// Lowest rate of the pattern, in requests a second; a tenth of the peak without it.
    #[arg(long, value_name = "RATE", value_parser = values::rate, requires = "pattern", allow_negative_numbers = true, help_heading = "Traffic")]
    pub(crate) lowest_request_rate: Option<f64>,
    /// Highest rate of the pattern, in requests a second.
    #[arg(long, value_name = "RATE", value_parser = values::rate, requires = "pattern", allow_negative_numbers = true, help_heading = "Traffic")]
    pub(crate) peak_request_rate: Option<f64>,
    /// How long the pattern goes on; enough to see all of it without the flag.
    #[arg(long, value_name = "TIME", value_parser = values::duration, requires = "pattern", help_heading = "Traffic")]
    pub(crate) duration: Option<Duration>,
    /// Seed of the arrivals, which are Poisson; `even` spaces them evenly.
    #[arg(long, value_name = "SEED", value_parser = values::seed, default_value = "1", help_heading = "Traffic")]
    pub(crate) seed: values::Seed,

    /// File with the HorizontalPodAutoscaler to play; `-` is standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["threshold", "min_replicas", "max_replicas", "compare_threshold"], help_heading = "Autoscaling")]
    pub(crate) filename: Option<PathBuf>,
    /// Requests in flight (running and waiting) that a replica is held at; without it those that the
    /// manifests would write.
    #[arg(long, value_name = "REQUESTS", value_parser = values::threshold, allow_negative_numbers = true, help_heading = "Autoscaling")]
    pub(crate) threshold: Option<f64>,
    /// Fewest replicas.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value = "1", help_heading = "Autoscaling")]
    pub(crate) min_replicas: u32,
    /// Most replicas; twice those that the peak needs without it.
    #[arg(long, value_name = "COUNT", value_parser = values::count, help_heading = "Autoscaling")]
    pub(crate) max_replicas: Option<u32>,
    /// Another threshold to compare with; repeatable. Without any, half and double.
    #[arg(long, value_name = "REQUESTS", value_parser = values::threshold, allow_negative_numbers = true, help_heading = "Autoscaling")]
    pub(crate) compare_threshold: Vec<f64>,
    /// A fixed number of replicas to compare with; repeatable. Without any, what the mean and the peak need.
    #[arg(long, value_name = "COUNT", value_parser = values::count, help_heading = "Autoscaling")]
    pub(crate) compare_replicas: Vec<u32>,

    #[command(flatten)]
    pub(crate) times: ReactionOptions,

    /// Write a plot of it, to `*.svg` or `*.png`.
    #[arg(long, value_name = "FILE", value_parser = PlotFile::parser(), help_heading = "Output options")]
    pub(crate) plot: Option<PlotFile>,
    /// Write the course of it over time, as CSV.
    #[arg(long, value_name = "FILE", help_heading = "Output options")]
    pub(crate) course: Option<PathBuf>,
}
