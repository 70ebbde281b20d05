//! Curves of what nobody measured.

use std::path::PathBuf;

use clap::Args;
use infer_core::catalog::Precision;

use super::{ConditionOptions, Format, LatencyTargets, ListOptions, PlotFile, TrafficOptions, values};

fn formats() -> String {
    format!("Format as kubectl names it, or a plot of the curve in characters: {}", Format::NAMES_AND_PLOT)
}

/// Compute the latency-throughput curve of a configuration that nobody measured.
///
/// Each row is one load of independent arrivals, up to the highest throughput, where an open loop is unstable and
/// has no latency. Every figure comes with the interval that holds the true one eight times out of ten.
///
/// Below the table stands what a decode step is made of, where the memory goes, and up to which rate targets are met.
#[derive(Debug, Args)]
#[command(mut_arg("output", |output| output.value_parser(Format::or_plot).help(formats())), after_help = "\
Examples:
  kubectl infer estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4

  # Nine of ten requests, half of every prompt a shared system prompt
  kubectl infer estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-h100-80gb --percentile 90 \
      --prefix-cache-share 0.5

  # How much it takes within half a second, as a plot: here, and in a file
  kubectl infer estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4 \
      --target-ttft-milliseconds 500 -o plot --plot curve.png

  # A model that the catalog does not have
  kubectl infer estimate --model-config config.json --accelerator-type nvidia-h100-80gb -o csv")]
pub(crate) struct Estimate {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME", required_unless_present = "model_config")]
    pub(crate) model: Option<String>,
    /// Hugging Face `config.json` of a model that the catalog does not have.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub(crate) model_config: Option<PathBuf>,
    /// Its `hf_quant_config.json`, where there is one.
    #[arg(long, value_name = "FILE", requires = "model_config")]
    pub(crate) quantization_config: Option<PathBuf>,
    /// Accelerator (`kubectl infer accelerators list`).
    #[arg(long, value_name = "ACCELERATOR")]
    pub(crate) accelerator_type: String,
    /// Accelerators of a replica; without it the fewest that hold the model.
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    pub(crate) accelerator_count: Option<u32>,
    /// Precision of the weights; without it that of the checkpoint that the model's name means.
    #[arg(long, value_name = "PRECISION", value_parser = values::precision())]
    pub(crate) precision: Option<Precision>,
    /// Model server.
    #[arg(long, value_name = "SERVER", default_value = "vllm")]
    pub(crate) model_server: String,
    /// Version of the model server; without it the one that manifests take.
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_server_version: Option<String>,
    /// The server's own arguments that change its curve, such as `--max-num-seqs=64 --kv-cache-dtype=fp8`.
    #[arg(
        long,
        value_name = "ARGUMENTS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) engine_arguments: String,
    #[command(flatten)]
    pub(crate) traffic: TrafficOptions,
    #[command(flatten)]
    pub(crate) conditions: ConditionOptions,
    /// Share of the draft tokens that are accepted, 0 to 1; needs speculative decoding in `--engine-arguments`.
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) draft_acceptance: Option<f64>,
    #[command(flatten)]
    pub(crate) latency: LatencyTargets,
    /// Write a plot of the curve with its intervals, zones, the knee and the targets, to `*.svg` or `*.png`.
    #[arg(long, value_name = "FILE", value_parser = PlotFile::parser(), help_heading = "Output options")]
    pub(crate) plot: Option<PlotFile>,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}
