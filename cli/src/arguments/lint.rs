//! `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ConnectionOptions;

/// What findings are printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Check manifests of inference workloads, as the admission webhook would.
///
/// Each finding says where, what, why and what to do. Files may hold anything that `kubectl apply` takes, and the
/// output of helm; what is no inference workload is left alone, and templates are checked once they are rendered.
/// Objects of one folder know each other, as an autoscaler its Deployment.
///
/// Exit status 0: nothing, or information only; 1: warnings or errors, and with `--diff` something to fix; 2: it
/// could not be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # A file, a folder, what helm renders
  kubectl infer lint -f deployment.yaml
  kubectl infer lint -R -f manifests/
  helm template my-release my-chart | kubectl infer lint -f -

  # What would be fixed, and to fix it in place
  kubectl infer lint -f deployment.yaml --diff
  kubectl infer lint -f deployment.yaml --fix

  # What runs in every namespace, and what a policy would refuse of it
  kubectl infer lint --live -A
  kubectl infer lint --live -A --policy policies/

  # In a GitHub workflow
  kubectl infer lint -R -f manifests/ -o github")]
pub(crate) struct LintOptions {
    /// File or folder to check; `-` is standard input; repeatable.
    #[arg(short, long, value_name = "PATH", required_unless_present = "live")]
    pub(crate) filename: Vec<PathBuf>,
    /// Look into the folders below a folder too.
    #[arg(short = 'R', long, requires = "filename")]
    pub(crate) recursive: bool,
    /// Check what is deployed instead of files.
    #[arg(long, conflicts_with_all = ["filename", "fix", "diff"])]
    pub(crate) live: bool,
    /// With `--live`: in all namespaces.
    #[arg(short = 'A', long, requires = "live", conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// Make the fixes in the files. Comments, order and style stay; what cannot be placed safely is shown instead.
    #[arg(long, conflicts_with = "diff")]
    pub(crate) fix: bool,
    /// Print what `--fix` would change as a unified diff, and nothing else.
    #[arg(long)]
    pub(crate) diff: bool,
    /// File or folder with InferencePolicies that decide, as they would in the cluster; repeatable.
    ///
    /// Without it nothing is refused, and fixes are made that break nothing; with `--live` the policies of the
    /// cluster decide. Namespaces in these files tell their labels to namespace selectors.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Vec<PathBuf>,
    /// What to print.
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        conflicts_with = "diff"
    )]
    pub(crate) output: LintFormat,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
