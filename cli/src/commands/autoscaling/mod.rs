//! Autoscalers: explained, set up, tried out. One file a command.

mod create;
mod explain;
mod setup;
mod simulate;

pub(super) use create::create;
pub(super) use explain::explain;
pub(super) use setup::setup;
pub(super) use simulate::simulate;
