//! Signals, thresholds and behaviour of autoscalers.

use super::Rule;

mod averaged_twice;
mod metric_not_exported;
mod never_wakes;
mod no_monitoring;
mod no_scaling_behavior;
pub(crate) mod query;
mod replicas_beside_autoscaler;
mod resource_signal;
pub(crate) mod signal;
mod slow_to_wake;
#[cfg(test)]
mod tests;
pub(crate) mod threshold;
mod threshold_out_of_reach;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &resource_signal::RULE,
    &no_scaling_behavior::RULE,
    &metric_not_exported::RULE,
    &threshold_out_of_reach::RULE,
    &never_wakes::RULE,
    &slow_to_wake::RULE,
    &averaged_twice::RULE,
    &replicas_beside_autoscaler::RULE,
    &no_monitoring::RULE,
];
