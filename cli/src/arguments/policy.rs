//! Commands on policies in files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DocumentFormat, rules};

/// Commands on policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    Check(CheckPolicy),
    Explain(ExplainPolicy),
    Export(ExportPolicy),
}

/// Policies and what they are asked about.
#[derive(Debug, Args)]
pub(crate) struct PolicyFiles {
    /// File or folder with policies, workloads and namespaces; `-` is standard input; repeatable.
    #[arg(short, long, required = true, value_name = "PATH")]
    pub(crate) filename: Vec<PathBuf>,
    /// Look into the folders below a folder too.
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// Tell what admission would do with workloads under policies, without a cluster.
///
/// Every InferencePolicy in the files is put in force, and every inference workload and autoscaler is admitted under
/// them: what is found, what becomes of it, by whose word, and what the admitted workloads of each namespace come to
/// an hour. Namespaces in the files tell their labels to namespace selectors; objects without a namespace are taken
/// for those of `--namespace`. Objects of one folder know each other, as an autoscaler its Deployment.
///
/// Exit status 0: nothing would be refused; 1: at least one object would be refused (warnings and changes do not
/// count); 2: a file, document or policy cannot be read, or the command line is wrong. With 2, what could be read is
/// told nevertheless.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer policy check -f policies/ -f workloads/
  helm template my-release my-chart | kubectl infer policy check -f policies/ -f - --namespace serving
  kubectl infer policy check -f policy.yaml -f deployment.yaml -o json")]
pub(crate) struct CheckPolicy {
    #[command(flatten)]
    pub(crate) files: PolicyFiles,
    /// Format; aligned columns without it.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
}

/// Say which policy decides what about workloads, and what the others said.
///
/// For each workload: the policies that select it, the limits and defaults they set and which of them holds, where
/// they contradict each other, and for each finding what every policy says, exemptions, the author's
/// `kubectl-infer.io/ignore`, and what becomes of it. Rules that are off are told too.
///
/// Exit status 0: it is told; 2: a file, document or policy cannot be read, or the command line is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer policy explain -f policies/ -f deployment.yaml
  kubectl infer policy explain -f policies/ -f deployment.yaml --rule INF122")]
pub(crate) struct ExplainPolicy {
    #[command(flatten)]
    pub(crate) files: PolicyFiles,
    /// Of one rule only, by id or name; told even where it finds nothing.
    #[arg(long, value_name = "ID", ignore_case = true, hide_possible_values = true, value_parser = rules::ids())]
    pub(crate) rule: Option<String>,
}

/// Write the simple part of policies as ValidatingAdmissionPolicy, which the API server judges itself.
///
/// Limits of accelerators, replicas and regions, for workloads that ask for GPUs or TPUs. What the API server cannot
/// judge stands in comments.
///
/// Exit status 0: all is written; 2: a file, document or policy cannot be read, or the command line is wrong. With 2,
/// the other policies are written nevertheless.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer policy export -f policies/ | kubectl apply -f -

  # Also hold each namespace to the accelerators that its workloads in the files ask for
  kubectl infer policy export -f policies/ -f workloads/ --resource-quota inference")]
pub(crate) struct ExportPolicy {
    #[command(flatten)]
    pub(crate) files: PolicyFiles,
    /// Also write a ResourceQuota of this name for each namespace that the workloads of the files are in: as many
    /// accelerators as those that would be admitted ask for, at their autoscalers' maximum.
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_quota: Option<String>,
}
