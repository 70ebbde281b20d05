//! Autoscalers: explained, set up, tried out. One file a command.

mod explain;
mod simulate;

pub(super) use explain::explain;
pub(super) use simulate::simulate;
