//! Recommendations and the curves behind them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use infer_core::catalog::PricingModel;
use infer_core::recommend::{Optimism, ProvenanceFilter};
use infer_core::workload::Percentile;

use super::ListOptions;
use super::values;

/// `profiles …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    List(Box<ListProfiles>),
}

/// What has to be served and how: the flags that name a workload.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkloadOptions {
    /// Only this model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: Option<String>,
    /// Only this version of the model server; `latest`, or `all`.
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_server_version: Option<String>,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) traffic: TrafficOptions,
}

/// How the server is run.
#[derive(Debug, Clone, Args)]
pub(crate) struct StackOptions {
    /// Way of running the server (`kubectl infer serving-stacks list`).
    #[arg(long, value_name = "STACK")]
    pub(crate) serving_stack: Option<String>,
    /// Version of the serving stack.
    #[arg(long, value_name = "VERSION", requires = "serving_stack")]
    pub(crate) serving_stack_version: Option<String>,
}

/// How long requests are: by use case or by number.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrafficOptions {
    /// Kind of traffic, which gives the lengths (`kubectl infer use-cases list`).
    #[arg(long, value_name = "NAME", conflicts_with_all = ["target_input_length", "target_output_length"])]
    pub(crate) use_case: Option<String>,
    /// Tokens of a prompt; measurements within 20 % serve. Needs `--target-output-length`.
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens, requires = "target_output_length", allow_negative_numbers = true)]
    pub(crate) target_input_length: Option<u32>,
    /// Tokens of an answer; measurements within 20 % serve. Needs `--target-input-length`.
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens, requires = "target_input_length", allow_negative_numbers = true)]
    pub(crate) target_output_length: Option<u32>,
}

/// Latency targets; for the median (P50) unless a percentile is named.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LatencyTargets {
    /// Highest time to first token.
    #[arg(long, value_name = "MS", value_parser = values::milliseconds, allow_negative_numbers = true, help_heading = "Targets")]
    pub(crate) target_ttft_milliseconds: Option<f64>,
    /// Highest time per output token, wait included (request latency / output tokens).
    #[arg(long, value_name = "MS", value_parser = values::milliseconds, allow_negative_numbers = true, help_heading = "Targets")]
    pub(crate) target_ntpot_milliseconds: Option<f64>,
    /// Highest time between tokens after the first.
    #[arg(long, value_name = "MS", value_parser = values::milliseconds, allow_negative_numbers = true, help_heading = "Targets")]
    pub(crate) target_itl_milliseconds: Option<f64>,
}

/// What estimates are computed for, and what they are corrected by.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConditionOptions {
    /// Percentile of the latencies; other than 50 they are estimated, since measurements are medians.
    #[arg(long, value_name = "PERCENT", value_parser = values::percentile(), default_value = "50", help_heading = "Estimates")]
    pub(crate) percentile: Percentile,
    /// Share of every prompt that all requests have in common, and servers find in their prefix cache, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = values::share, default_value_t = 0.0, allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) prefix_cache_share: f64,
    /// Lengths of observed requests, a line `input,output` in tokens each; `-` is standard input. Their means take the place
    /// of a use case.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["use_case", "target_input_length", "target_output_length"], help_heading = "Estimates")]
    pub(crate) length_file: Option<PathBuf>,
    /// 90th percentile of the prompts, whose mean `--target-input-length` is: lengths are then lognormal.
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens, requires = "target_input_length", allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) input_length_p90: Option<u32>,
    /// 90th percentile of the answers, whose mean `--target-output-length` is: lengths are then lognormal.
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens, requires = "target_output_length", allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) output_length_p90: Option<u32>,
    /// Table of measurements of your own, as `accuracy` reads it: estimates of the same replicas are shifted to them and
    /// surer; repeatable.
    #[arg(long, value_name = "FILE", help_heading = "Estimates")]
    pub(crate) measured: Vec<PathBuf>,
}

/// How machines are paid for.
#[derive(Debug, Clone, Args)]
pub(crate) struct PricingOptions {
    /// How the machines are paid for.
    #[arg(long, value_name = "MODEL", value_parser = values::pricing_model(), default_value = PricingModel::Spot.name(), help_heading = "Pricing")]
    pub(crate) pricing_model: PricingModel,
    /// Price everything in this region; what has no price in it comes last.
    ///
    /// Without it machines are priced in `us-east5`, A3 machines in `us-central1`, as the service does.
    #[arg(long, value_name = "REGION", help_heading = "Pricing")]
    pub(crate) region: Option<String>,
    /// How many times dearer an output token is reckoned than an input token.
    #[arg(long, value_name = "RATIO", value_parser = values::ratio, default_value = "4", allow_negative_numbers = true, help_heading = "Pricing")]
    pub(crate) output_input_cost_ratio: f64,
}

/// Rank what serves a model, with price and latency.
///
/// Configurations that nobody measured are estimated. `profiles list` is the same. Without a target each configuration is shown at its knee: the load at which throughput stops rising and
/// latency starts to. With targets it is shown at its highest throughput that meets all of them, and left out
/// where none does.
///
/// Exit status 1, with what is reachable on standard error, when nothing meets the targets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Cheapest first, each at its knee
  kubectl infer list --model google/gemma-2-27b-it

  # What answers within 500 ms, at list prices
  kubectl infer list --model openai/gpt-oss-120b --pricing-model on-demand --target-ttft-milliseconds 500

  # One region, measured with long prompts, as JSON
  kubectl infer list --model meta-llama/Llama-3.3-70B-Instruct --region us-central1 \\
      --target-input-length 8192 --target-output-length 1024 -o json

  # What 20 requests a second cost a month, nine of ten answered within a second
  kubectl infer list --model Qwen/Qwen3-32B --request-rate 20 --percentile 90 --target-ttft-milliseconds 1000

  # Only the machines' names
  kubectl infer list --model google/gemma-2-27b-it -o jsonpath='{.items[*].instanceType}'")]
pub(crate) struct ListProfiles {
    /// Model, as Hugging Face names it; all models without it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) workload: WorkloadOptions,
    /// Only this accelerator (`kubectl infer accelerators list`).
    #[arg(long, value_name = "ACCELERATOR")]
    pub(crate) accelerator_type: Option<String>,
    #[command(flatten)]
    pub(crate) latency: LatencyTargets,
    /// Highest USD for a million input tokens.
    #[arg(long, value_name = "USD", value_parser = values::dollars, allow_negative_numbers = true, help_heading = "Targets")]
    pub(crate) target_cost_per_million_input_tokens: Option<f64>,
    /// Highest USD for a million output tokens.
    #[arg(long, value_name = "USD", value_parser = values::dollars, allow_negative_numbers = true, help_heading = "Targets")]
    pub(crate) target_cost_per_million_output_tokens: Option<f64>,
    #[command(flatten)]
    pub(crate) pricing: PricingOptions,
    /// Requests a second to serve: shows the replicas and their cost a month, cheapest first.
    #[arg(long, value_name = "NUMBER", value_parser = values::rate, allow_negative_numbers = true)]
    pub(crate) request_rate: Option<f64>,
    #[command(flatten)]
    pub(crate) conditions: ConditionOptions,
    /// Which end of an estimate's interval has to meet the targets.
    #[arg(long, value_name = "END", value_parser = values::optimism(), default_value = Optimism::Pessimistic.name(), help_heading = "Estimates")]
    pub(crate) optimism: Optimism,
    /// What the figures may rest on.
    #[arg(long, value_name = "KIND", value_parser = values::provenance(), default_value = ProvenanceFilter::Any.name())]
    pub(crate) provenance: ProvenanceFilter,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `benchmarks …`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchmarksCommand {
    List(Box<ListBenchmarks>),
}

/// Print every point of the curves of a model on a server, as CSV.
///
/// In JSON and YAML the points of a curve stand together.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer benchmarks list --model google/gemma-2-27b-it --model-server vllm > profiles.csv
  kubectl infer benchmarks list --model google/gemma-2-27b-it --model-server vllm \\
      --instance-type g2-standard-48 --format=table")]
pub(crate) struct ListBenchmarks {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    /// Model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: String,
    /// Only this version of the model server; `latest`, or `all`.
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_server_version: Option<String>,
    /// Only this machine type.
    #[arg(long, value_name = "MACHINE")]
    pub(crate) instance_type: Option<String>,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    /// Only traffic of this kind (`kubectl infer use-cases list`).
    #[arg(long, value_name = "NAME")]
    pub(crate) use_case: Option<String>,
    #[command(flatten)]
    pub(crate) pricing: PricingOptions,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}
