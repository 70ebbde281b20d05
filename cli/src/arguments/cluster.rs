//! kubectl's flags of connecting, for the commands that contact a cluster.

use std::time::Duration;

use clap::Args;

use super::values;

/// Beside `--namespace`, `--context` and `--kubeconfig`, which every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection options")]
pub(crate) struct ConnectionOptions {
    /// Cluster of the kubeconfig file.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) cluster: Option<String>,
    /// User of the kubeconfig file.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) user: Option<String>,
    /// User to act as.
    #[arg(long = "as", value_name = "USERNAME", hide_short_help = true)]
    pub(crate) impersonate: Option<String>,
    /// Group to act as; repeatable.
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate", hide_short_help = true)]
    pub(crate) impersonate_groups: Vec<String>,
    /// Longest wait for an answer of the API server, such as `30s` or `1m`; `0` waits for ever.
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = values::duration, hide_short_help = true)]
    pub(crate) request_timeout: Duration,
}
