//! Targets, prices and what the namespace may use.

use super::{Limits, Rule, Settings};

mod accelerator_not_allowed;
pub(crate) mod bill;
mod cheaper_equivalent;
mod malformed_target;
mod namespace;
mod over_budget;
mod region;
mod region_not_allowed;
mod target_out_of_reach;
mod targets;
#[cfg(test)]
mod tests;
mod too_many_replicas;

pub use namespace::{NamespaceSum, namespace_sums};
pub(in crate::rules) use targets::targets;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &malformed_target::RULE,
    &target_out_of_reach::RULE,
    &over_budget::RULE,
    &accelerator_not_allowed::RULE,
    &too_many_replicas::RULE,
    &region_not_allowed::RULE,
    &cheaper_equivalent::RULE,
];

/// The policy that the examples of this group are written for.
fn example_limits() -> Settings {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    Settings {
        limits: Limits {
            accelerators: names(&["nvidia-l4", "nvidia-h100-80gb"]),
            usd_per_hour: Some(40.0),
            replicas: Some(8),
            regions: names(&["us-central1", "europe-west4"]),
        },
        ..Settings::default()
    }
}
