//! Autoscalers: explained, set up, tried out. One file a command.

mod explain;

pub(super) use explain::explain;
