//! Commands about autoscalers: one file each.

mod explain;

use clap::Subcommand;

pub(crate) use explain::ExplainAutoscaling;

/// `autoscaling …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AutoscalingCommand {
    Explain(ExplainAutoscaling),
}
