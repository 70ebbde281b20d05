//! INF108: nobody collects the signal.

use super::signal::{prefix, scraped};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Check, Group, Rule, Scope, Severity};

/// INF108.
pub(crate) static RULE: Rule = Rule {
    id: "INF108",
    name: "no-monitoring",
    group: Group::Autoscaling,
    severity: Severity::Information,
    // It needs everything that belongs to the workload.
    scope: Scope::LintOnly,
    summary: "An autoscaler reads a metric of Managed Service for Prometheus that nothing in the set of files collects",
    needs: "the autoscaler and its target in the same set of files",
    rationale: "The metric exists only once a PodMonitoring selects the Pods; without one the autoscaler never acts. \
                A ClusterPodMonitoring elsewhere or GKE's automatic application monitoring may do it too.",
    fix: None,
    source: "cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed, PodMonitoring",
    check: Check::Autoscaler(check),
    examples: examples!("INF108"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let Some(target) = facts.target.first() else { return Vec::new() };
    let Some(own) = prefix(target.pod.server) else { return Vec::new() };
    // A query's Prometheus may be any; the adapter's names are those of Managed Service for Prometheus.
    let reads = |metric: &&crate::inspect::Metric<'_>| {
        metric.query.is_none() && scraped(metric).iter().any(|scraped| scraped.name.starts_with(own))
    };
    let Some(metric) = facts.autoscaler.metrics.iter().find(reads) else { return Vec::new() };
    let namespace = target.workload.identity.namespace;
    if facts.background.neighbours.scrapes(namespace, target.pod.template) {
        return Vec::new();
    }
    let name = target.workload.identity.name.unwrap_or_default();
    vec![Found::new(
        metric.at.clone(),
        format!("no PodMonitoring beside it selects the Pods of `{name}`"),
        "add a PodMonitoring whose selector matches their labels",
    )]
}
