//! Lists of what the catalog knows.

use clap::{Args, Subcommand};

use super::ListOptions;
use super::values;

/// `models …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Models that the catalog knows, with size and licence.
    #[command(after_help = "\
Examples:
  kubectl infer models list
  kubectl infer models list --filter 'name:gemma AND gated=true'
  kubectl infer models list --sort-by ~parameters --limit 5 -o wide
  kubectl infer models list -o name")]
    List(ListModels),
}

/// `models list`.
#[derive(Debug, Args)]
pub(crate) struct ListModels {
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `model-servers …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelServersCommand {
    /// Model servers that were measured with a model, or that manifests can be written for.
    #[command(after_help = "\
Examples:
  kubectl infer model-servers list --model google/gemma-2-27b-it")]
    List(ListModelServers),
}

/// `model-servers list`.
#[derive(Debug, Args)]
pub(crate) struct ListModelServers {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `model-server-versions …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelServerVersionsCommand {
    /// Versions of a model server that were measured with a model, or that manifests can be written for.
    #[command(after_help = "\
Examples:
  kubectl infer model-server-versions list --model google/gemma-2-27b-it --model-server vllm")]
    List(ListModelServerVersions),
}

/// `model-server-versions list`.
#[derive(Debug, Args)]
pub(crate) struct ListModelServerVersions {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    /// Model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: String,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `serving-stacks …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ServingStacksCommand {
    /// Ways of running a server that manifests can be written for.
    #[command(after_help = "\
Examples:
  kubectl infer serving-stacks list
  kubectl infer serving-stacks list --model google/gemma-2-27b-it --model-server vllm")]
    List(ListServingStacks),
}

/// `serving-stacks list`.
#[derive(Debug, Args)]
pub(crate) struct ListServingStacks {
    /// Only stacks that serve this model.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: Option<String>,
    /// Only stacks that run this model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `serving-stack-versions …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ServingStackVersionsCommand {
    /// Versions of a serving stack.
    #[command(after_help = "\
Examples:
  kubectl infer serving-stack-versions list --serving-stack deployment")]
    List(ListServingStackVersions),
}

/// `serving-stack-versions list`.
#[derive(Debug, Args)]
pub(crate) struct ListServingStackVersions {
    /// Serving stack.
    #[arg(long, value_name = "STACK")]
    pub(crate) serving_stack: String,
    /// Only versions that serve this model.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: Option<String>,
    /// Only versions that run this model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `use-cases …`.
#[derive(Debug, Subcommand)]
pub(crate) enum UseCasesCommand {
    /// Kinds of traffic, with the lengths of their prompts and answers.
    #[command(after_help = "\
Examples:
  kubectl infer use-cases list")]
    List(ListUseCases),
}

/// `use-cases list`.
#[derive(Debug, Args)]
pub(crate) struct ListUseCases {
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `accelerators …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AcceleratorsCommand {
    /// Accelerators that hold a model, and how fast it was measured on them.
    ///
    /// An accelerator that holds the model but has no measurement is listed without figures: manifests can be
    /// written for it.
    #[command(after_help = "\
Examples:
  kubectl infer accelerators list --model google/gemma-2-27b-it
  kubectl infer accelerators list --model google/gemma-2-27b-it --max-ntpot-milliseconds 100 -o wide")]
    List(ListAccelerators),
}

/// `accelerators list`.
#[derive(Debug, Args)]
pub(crate) struct ListAccelerators {
    /// Model, as Hugging Face names it.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) model: String,
    /// Only this model server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) model_server: Option<String>,
    /// Only this version of the model server.
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_server_version: Option<String>,
    /// Only accelerators that stay within this time per output token; figures are those at the target.
    #[arg(long, value_name = "MS", value_parser = values::milliseconds, allow_negative_numbers = true)]
    pub(crate) max_ntpot_milliseconds: Option<f64>,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}
