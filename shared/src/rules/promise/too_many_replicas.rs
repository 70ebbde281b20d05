//! INF124: more replicas than the policy allows.

use super::bill::most_replicas;
use super::example_limits;
use crate::inspect::PointerBuf;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Check, Facts, Group, Rule, Scope, Settings, Severity};

/// INF124.
pub(crate) static RULE: Rule = Rule {
    id: "INF124",
    name: "too-many-replicas",
    group: Group::Promise,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A workload may run more replicas than the policy allows",
    needs: "a policy with a number of replicas, and a kind that says its own",
    rationale: "Whoever shares the cluster agreed on what one workload may take. The autoscaler's maximum counts; a \
                ScaledObject without one goes up to 100.",
    fix: None,
    source: "the policy; keda.sh/docs/latest/reference/scaledobject-spec, maxReplicaCount",
    check: Check::Both { workload: of_workload, autoscaler: of_autoscaler },
    examples: examples!("INF124", example_limits),
};

fn of_workload(facts: &Facts<'_>) -> Vec<Found> {
    let replicas = most_replicas(facts).filter(|_| facts.is_first_pod());
    found(facts.background.settings, replicas, PointerBuf::from_tokens(["spec", "replicas"]))
}

fn of_autoscaler(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let most = facts.autoscaler.most_replicas().filter(|_| !facts.target.is_empty());
    found(facts.background.settings, most, facts.autoscaler.most_replicas_at())
}

fn found(settings: &Settings, replicas: Option<u32>, at: PointerBuf) -> Vec<Found> {
    let limit = settings.limits.replicas;
    let exceeded = replicas.zip(limit).filter(|(replicas, limit)| replicas > limit);
    let found = exceeded.map(|(replicas, limit)| {
        let what = format!("it may run {replicas} replicas, the policy allows {limit}");
        Found::new(at, what, format!("set at most {limit}"))
    });
    found.into_iter().collect()
}
