//! Autoscalers: explained, set up, tried out. One file a command.

mod create;
mod explain;
mod setup;
mod simulate;
mod test;
mod watch;

pub(super) use create::create;
pub(super) use explain::explain;
pub(super) use setup::setup;
pub(super) use simulate::simulate;
pub(super) use test::test;
pub(super) use watch::watch;
