//! INF125: a region that the policy does not list.

use super::example_limits;
use super::region::regions;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF125.
pub(crate) static RULE: Rule = Rule {
    id: "INF125",
    name: "region-not-allowed",
    group: Group::Promise,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A Pod selects a region that the policy does not list",
    needs: "a policy with a list of regions, and a Pod that selects its region or zone",
    rationale: "Data and reservations are bound to regions.",
    fix: None,
    source: "the policy",
    check: Check::Workload(check),
    examples: examples!("INF125", example_limits),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(allowed) = &facts.background.settings.limits.regions else { return Vec::new() };
    let refused = regions(facts.pod).into_iter().find(|region| !allowed.contains(region));
    let Some(region) = refused else { return Vec::new() };
    let list: Vec<&str> = allowed.iter().map(String::as_str).collect();
    vec![Found::new(
        facts.pod.pointer(["spec", "nodeSelector"]),
        format!("`{region}` is not among the regions that the policy allows"),
        format!("select one of {}", list.join(", ")),
    )]
}
