//! INF122: more dollars than the policy allows.

use super::bill::{most_replicas, replica};
use super::example_limits;
use crate::inspect::PointerBuf;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Check, Facts, Group, Rule, Scope, Severity};

/// INF122.
pub(crate) static RULE: Rule = Rule {
    id: "INF122",
    name: "over-budget",
    group: Group::Promise,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A workload costs more an hour than the policy allows",
    needs: "a policy with dollars an hour, and the accelerators of the Pod with a price in the catalog",
    rationale: "Counted are all replicas, at the autoscaler's maximum, each at least at the price of its share of the \
                cheapest machine that the template accepts. Spot prices hold where the Pod selects Spot.",
    fix: None,
    source: "price book of the catalog",
    check: Check::Both { workload: of_workload, autoscaler: of_autoscaler },
    examples: examples!("INF122", example_limits),
};

fn of_workload(facts: &Facts<'_>) -> Vec<Found> {
    let Some(replicas) = most_replicas(facts) else { return Vec::new() };
    found(facts, replicas, PointerBuf::from_tokens(["spec", "replicas"]))
}

fn of_autoscaler(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let Some((target, most)) = facts.target.first().zip(facts.autoscaler.most_replicas()) else {
        return Vec::new();
    };
    found(target, most, facts.autoscaler.most_replicas_at())
}

fn found(facts: &Facts<'_>, replicas: u32, at: PointerBuf) -> Vec<Found> {
    let limit = facts.background.settings.limits.usd_per_hour.filter(|_| facts.is_first_pod());
    let Some(limit) = limit else { return Vec::new() };
    let Some(each) = replica(facts).ok().flatten() else { return Vec::new() };
    let total = each.usd_per_hour * f64::from(replicas);
    if total <= limit {
        return Vec::new();
    }
    let affordable = (limit / each.usd_per_hour).floor();
    let remedy = if affordable >= 1.0 {
        format!("run at most {affordable}")
    } else {
        "take a cheaper accelerator, or fewer of them".to_owned()
    };
    let (noun, verb) = if replicas == 1 { ("replica", "costs") } else { ("replicas", "cost") };
    let what = format!(
        "{replicas} {noun} at ${:.2} ({}, {}, {}) {verb} ${total:.2} an hour, the policy allows ${limit:.2}",
        each.usd_per_hour, each.machine, each.pricing_model, each.region
    );
    vec![Found::new(at, what, remedy)]
}
