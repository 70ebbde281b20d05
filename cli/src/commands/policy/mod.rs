//! Policies of files, and what they do to workloads of files, without a cluster.

mod check;
mod explain;
mod export;
mod situation;

pub(super) use check::check;
pub(super) use explain::explain;
pub(super) use export::export;
