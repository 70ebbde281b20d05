//! Commands about autoscalers: one file each.

mod explain;
mod simulate;

use clap::Subcommand;

pub(crate) use explain::ExplainAutoscaling;
pub(crate) use simulate::SimulateAutoscaling;

/// `autoscaling …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AutoscalingCommand {
    Explain(ExplainAutoscaling),
    Simulate(Box<SimulateAutoscaling>),
}
