//! INF104: asleep for ever.

use super::query;
use super::signal::{is_resource, prefix, prometheus_query};
use crate::inspect::Metric;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Check, Group, Rule, Scope, Severity};

/// INF104.
pub(crate) static RULE: Rule = Rule {
    id: "INF104",
    name: "never-wakes",
    group: Group::Autoscaling,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A ScaledObject goes to 0 replicas, and only metrics of the replicas themselves could bring one back",
    needs: "the target's manifest and readable queries",
    rationale: "Without a replica nobody exports the server's metrics: the query has no result, which KEDA takes for 0, \
                and the workload stays at 0 whatever requests arrive. Without `minReplicaCount` KEDA goes to 0.",
    fix: None,
    source: "keda.sh/docs/latest/scalers/prometheus, ignoreNullValues; keda.sh/docs/latest/reference/scaledobject-spec, \
             minReplicaCount",
    check: Check::Autoscaler(check),
    examples: examples!("INF104"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let autoscaler = facts.autoscaler;
    let Some(target) = facts.target.first() else { return Vec::new() };
    let Some(own) = prefix(target.pod.server) else { return Vec::new() };
    let falls_back = autoscaler.object.pointer("/spec/fallback").is_some();
    let cannot_wake = |metric: &Metric<'_>| is_resource(metric) || is_of_replicas(metric, own);
    let has_query = autoscaler.metrics.iter().any(|metric| prometheus_query(metric).is_some());
    if !autoscaler.sleeps() || falls_back || !has_query || !autoscaler.metrics.iter().all(cannot_wake) {
        return Vec::new();
    }
    vec![Found::new(
        autoscaler.metrics_at(),
        "at 0 replicas nothing exports the metrics of its triggers, so that none of them becomes active again",
        "set `minReplicaCount: 1`, or add a trigger on what stands before the server, such as a gateway's requests",
    )]
}

/// Whether a query has a result only while replicas run: it reads one metric of theirs, and nothing stands in for it.
fn is_of_replicas(metric: &Metric<'_>, own: &str) -> bool {
    let Some(query) = prometheus_query(metric) else { return false };
    let names = query::names(query);
    let stands_in = names.iter().any(|name| matches!(*name, "or" | "absent" | "vector" | "absent_over_time"));
    // Nothing remembers the metric for longer than a query looks back: a day of `max_over_time` would.
    let looks_back = query.contains("_over_time");
    let foreign =
        names.iter().filter(|name| name.contains(':') || name.len() > 20).any(|name| !name.starts_with(own));
    !stands_in && !looks_back && !foreign && names.iter().any(|name| name.starts_with(own))
}
