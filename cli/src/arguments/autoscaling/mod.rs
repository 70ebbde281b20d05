//! Commands about autoscalers: one file each.

mod create;
mod explain;
mod options;
mod setup;

use clap::Subcommand;

pub(crate) use create::{CreateAutoscaling, CreateOutput};
pub(crate) use explain::ExplainAutoscaling;
pub(crate) use options::AutoscalerOptions;
pub(crate) use setup::{SetupAutoscaling, SetupOutput};

/// `autoscaling …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AutoscalingCommand {
    Create(Box<CreateAutoscaling>),
    Setup(Box<SetupAutoscaling>),
    Explain(ExplainAutoscaling),
}
