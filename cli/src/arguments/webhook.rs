//! The admission webhook of a cluster.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ConnectionOptions, DocumentFormat, values};

/// `webhook …`.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Install the admission webhook, or bring it to this program's version.
    ///
    /// Applies the same objects as the Helm chart and the kustomize base, and waits until admission is in force.
    /// Nothing is admitted differently until a namespace opts in with the label
    /// `kubectl-infer.io/admission=enabled`. The namespace is `infer-webhook`, unless `--namespace` says otherwise.
    #[command(after_help = "\
Examples:
  kubectl infer webhook install

  # What would be applied, for Git or for a look
  kubectl infer webhook install -o yaml

  # Whether the API server would take it
  kubectl infer webhook install --dry-run=server")]
    Install(InstallWebhook),
    /// Say whether admission works, from end to end, and what to do if it does not.
    ///
    /// Looks at what is installed, and sends a workload as a dry run through the API server in a namespace that
    /// opted in. Nothing is changed. Exit status 1 says that something does not work.
    #[command(after_help = "\
Examples:
  kubectl infer webhook status
  kubectl infer webhook status --probe-namespace serving -o json")]
    Status(WebhookStatus),
    /// Remove the admission webhook; policies stay unless told otherwise.
    #[command(after_help = "\
Examples:
  kubectl infer webhook uninstall

  # All InferencePolicy objects, too
  kubectl infer webhook uninstall --delete-policies")]
    Uninstall(UninstallWebhook),
}

/// `webhook install`.
#[derive(Debug, Args)]
pub(crate) struct InstallWebhook {
    /// Image of the webhook; the one of this version without it.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Replicas.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) replicas: Option<u16>,
    /// Apply nothing: `client` prints what would be applied, `server` asks the API server whether it would take it.
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
        default_value = "none", default_missing_value = "client")]
    pub(crate) dry_run: DryRun,
    /// Print the objects in this format, and apply nothing.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
    /// Take over fields that somebody else manages, such as helm.
    #[arg(long)]
    pub(crate) force_conflicts: bool,
    /// How long to wait until admission is in force; `0` does not wait.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

/// Where a change ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// It is made.
    None,
    /// In this program.
    Client,
    /// In the API server, before it is stored.
    Server,
}

/// `webhook status`.
#[derive(Debug, Args)]
pub(crate) struct WebhookStatus {
    /// Namespace that the probe is sent to; the first that opted in without it.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) probe_namespace: Option<String>,
    /// Format; plain text without it.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

/// `webhook uninstall`.
#[derive(Debug, Args)]
pub(crate) struct UninstallWebhook {
    /// Remove the definition of InferencePolicy too, and with it every policy.
    #[arg(long)]
    pub(crate) delete_policies: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
