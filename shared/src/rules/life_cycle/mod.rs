//! Probes and drain.

use super::{Facts, Rule};
use crate::inspect::Role;

mod liveness_while_loading;
mod no_drain;
mod no_readiness_probe;
mod start;
mod startup_budget;
#[cfg(test)]
mod tests;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] =
    &[&no_readiness_probe::RULE, &startup_budget::RULE, &liveness_while_loading::RULE, &no_drain::RULE];

/// Whether the workload runs until it is stopped, the Pod takes requests, and the object tells all of it.
fn is_endless(facts: &Facts<'_>) -> bool {
    let ends = ["Job", "CronJob", "JobSet"].contains(&facts.workload.identity.kind);
    !ends && facts.pod.role != Role::Worker && !facts.is_patch()
}
