//! The command line: one module a family of commands, names and values as `gcloud container ai profiles` has
//! them, with kubectl's habits beside them.
//!
//! These types hold what was written; what it means is decided in `requirements`, in one place.

mod accuracy;
mod autoscaling;
mod catalog;
mod cluster;
mod estimate;
mod lint;
mod manifests;
mod output;
mod plot;
mod policy;
mod profiles;
mod program;
mod rollout;
mod rules;
pub(crate) mod values;
mod webhook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use accuracy::{Accuracy, AccuracyFormat};
pub(crate) use autoscaling::{
    AutoscalerOptions, AutoscalingCommand, CreateAutoscaling, CreateOutput, ExplainAutoscaling,
    SetupAutoscaling, SetupOutput, SimulateAutoscaling, TestAutoscaling, WatchAutoscaling,
};
pub(crate) use catalog::{
    AcceleratorsCommand, ListAccelerators, ModelServerVersionsCommand, ModelServersCommand, ModelsCommand,
    ServingStackVersionsCommand, ServingStacksCommand, UseCasesCommand,
};
pub(crate) use cluster::ConnectionOptions;
pub(crate) use estimate::Estimate;
pub(crate) use lint::{LintFormat, LintOptions};
pub(crate) use manifests::{
    CreateManifests, CreateTransfer, DiffManifests, ManifestOptions, ManifestOutput, ManifestsCommand,
    TransferCommand, WriteOptions,
};
pub(crate) use output::{Format, ListOptions, Shape};
pub(crate) use plot::{PlotFile, PlotFormat};
pub(crate) use policy::{CheckPolicy, ExplainPolicy, ExportPolicy, PolicyCommand, PolicyFiles};
pub(crate) use profiles::{
    BenchmarksCommand, ConditionOptions, LatencyTargets, ListBenchmarks, ListProfiles, PricingOptions,
    ProfilesCommand, StackOptions, TrafficOptions,
};
pub(crate) use program::{Completion, CompletionTarget, DocumentFormat, Man, Version};
pub(crate) use rollout::Rollout;
pub(crate) use rules::{ListRules, RulesCommand, ShowRule};
pub(crate) use webhook::{DryRun, InstallWebhook, UninstallWebhook, WebhookCommand, WebhookStatus};

/// From a latency target to a running, autoscaled LLM server on Kubernetes.
///
/// Names a model and a target; `kubectl infer` ranks the accelerators and model servers that meet it by what a
/// million tokens costs, and writes the manifests that run the one you choose. Everything comes from the
/// catalog inside the program and from catalog files of your own: no account, no network, no cluster.
///
/// Commands and flags are those of `gcloud container ai profiles`.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-infer",
    bin_name = "kubectl infer",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  # What would serve the model, cheapest first
  kubectl infer list --model openai/gpt-oss-120b --target-ttft-milliseconds 500

  # The manifests that run one of the choices
  kubectl infer manifests create --model openai/gpt-oss-120b --accelerator-type nvidia-h100-80gb

  # What the catalog knows
  kubectl infer models list"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) catalog: CatalogOptions,
    #[command(flatten)]
    pub(crate) cluster: ClusterOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Files whose entries are added to the embedded catalog.
#[derive(Debug, Args)]
pub(crate) struct CatalogOptions {
    /// Catalog file, or folder of `*.yaml` files, whose entries add to or replace embedded ones; repeatable.
    ///
    /// Read after `$XDG_CONFIG_HOME/kubectl-infer/catalog/*.yaml` and after the paths in
    /// `KUBECTL_INFER_CATALOG` (separated as in `PATH`). A later entry replaces an earlier one of the same name.
    #[arg(long = "catalog", value_name = "PATH", global = true, help_heading = "Global options")]
    pub(crate) catalog: Vec<PathBuf>,
}

/// kubectl's own flags, and gcloud's project. Commands that contact no cluster write them into what they print.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// Namespace of the objects, and of the kubectl commands in comments.
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig file, and of the kubectl commands in comments.
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true, help_heading = "Global options")]
    pub(crate) context: Option<String>,
    /// Kubeconfig file, and that of the kubectl commands in comments.
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = "Global options")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Google Cloud project of the gcloud commands in the comments; no project is contacted.
    #[arg(long, value_name = "ID", global = true, hide_short_help = true, help_heading = "Global options")]
    pub(crate) project: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(Box<ListProfiles>),
    /// Rank what serves a model, with price and latency.
    #[command(subcommand, arg_required_else_help = true)]
    Profiles(ProfilesCommand),
    /// Print every point of the curves behind the recommendations.
    #[command(subcommand, arg_required_else_help = true)]
    Benchmarks(BenchmarksCommand),
    /// Write the Kubernetes objects that serve a model, and compare them with a file.
    #[command(subcommand, arg_required_else_help = true)]
    Manifests(ManifestsCommand),
    /// Write the Job that copies a model from Hugging Face into a bucket.
    #[command(subcommand, arg_required_else_help = true)]
    Transfer(TransferCommand),
    /// What an autoscaler reads, when it scales, and what that means for latency and cost.
    #[command(subcommand, arg_required_else_help = true)]
    Autoscaling(AutoscalingCommand),
    Estimate(Box<Estimate>),
    Accuracy(Box<Accuracy>),
    Lint(Box<LintOptions>),
    /// Models that the catalog knows.
    #[command(subcommand, arg_required_else_help = true)]
    Models(ModelsCommand),
    /// Model servers that serve a model.
    #[command(subcommand, arg_required_else_help = true)]
    ModelServers(ModelServersCommand),
    /// Versions of a model server.
    #[command(subcommand, arg_required_else_help = true)]
    ModelServerVersions(ModelServerVersionsCommand),
    /// Ways of running a server that manifests can be written for.
    #[command(subcommand, arg_required_else_help = true)]
    ServingStacks(ServingStacksCommand),
    /// Versions of a serving stack.
    #[command(subcommand, arg_required_else_help = true)]
    ServingStackVersions(ServingStackVersionsCommand),
    /// Kinds of traffic, with the lengths of their prompts and answers.
    #[command(subcommand, alias = "use-case", arg_required_else_help = true)]
    UseCases(UseCasesCommand),
    /// Accelerators that hold a model, and how fast it was measured on them.
    #[command(subcommand, arg_required_else_help = true)]
    Accelerators(AcceleratorsCommand),
    /// What `lint` and the admission webhook look for in inference workloads.
    #[command(subcommand, arg_required_else_help = true)]
    Rules(RulesCommand),
    /// What policies in files would do, and what of them the API server can do itself.
    #[command(subcommand, arg_required_else_help = true)]
    Policy(PolicyCommand),
    Rollout(Rollout),
    /// The admission webhook of a cluster: install it, ask whether it works, remove it.
    #[command(subcommand, arg_required_else_help = true)]
    Webhook(WebhookCommand),
    Completion(Completion),
    Man(Man),
    Version(Version),
    /// What kubectl calls to complete a half-written command line.
    #[command(name = "__complete", hide = true)]
    Complete {
        /// Words of the command line after `kubectl infer`; the last one is being written.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}
