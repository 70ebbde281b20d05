//! Commands about autoscalers: one file each.

mod create;
mod explain;
mod options;
mod setup;
mod simulate;
mod test;
mod watch;

use clap::Subcommand;

pub(crate) use create::{CreateAutoscaling, CreateOutput};
pub(crate) use explain::ExplainAutoscaling;
pub(crate) use options::{AutoscalerOptions, ReactionOptions};
pub(crate) use setup::{SetupAutoscaling, SetupOutput};
pub(crate) use simulate::SimulateAutoscaling;
pub(crate) use test::TestAutoscaling;
pub(crate) use watch::WatchAutoscaling;

/// `autoscaling …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AutoscalingCommand {
    Create(Box<CreateAutoscaling>),
    Setup(Box<SetupAutoscaling>),
    Explain(ExplainAutoscaling),
    Simulate(Box<SimulateAutoscaling>),
    Watch(WatchAutoscaling),
    Test(Box<TestAutoscaling>),
}
