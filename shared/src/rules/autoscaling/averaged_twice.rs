//! INF106: a mean divided by the replicas once more.

use serde_json::json;

use super::query;
use super::signal::prometheus_query;
use crate::inspect::MetricTarget;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Caution, Check, Edit, Fix, Group, Rule, Scope, Severity};

/// INF106.
pub(crate) static RULE: Rule = Rule {
    id: "INF106",
    name: "averaged-twice",
    group: Group::Autoscaling,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A Prometheus trigger averages over the replicas, and the HPA divides by their number again",
    needs: "the target's manifest and a query that is an `avg(…)` or `sum(…) / count(…)`, or one of them times a number",
    rationale: "Without `metricType` KEDA makes an `AverageValue` metric, for which the HPA computes \
                ceil(value / threshold): four replicas with 15 requests each and a threshold of 10 become two.",
    fix: Some("sets `metricType: Value`"),
    source: "Kubernetes documentation, Horizontal Pod Autoscaling, algorithm details; \
             keda.sh/docs/latest/reference/scaledobject-spec, triggers",
    check: Check::Autoscaler(check),
    examples: examples!("INF106"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    if facts.target.is_empty() {
        return Vec::new();
    }
    // KEDA refuses a fallback beside metrics of type `Value` in most versions.
    let falls_back = facts.autoscaler.object.pointer("/spec/fallback").is_some();
    let averaged = facts.autoscaler.metrics.iter().filter(|metric| {
        prometheus_query(metric).is_some_and(query::is_mean)
            && matches!(metric.target, Some(MetricTarget::AverageValue(_)))
    });
    let found = averaged.map(|metric| {
        let at = metric.at.with_trailing_token("metricType");
        let what =
            "the query is a mean over the replicas, and `AverageValue` divides it by their number again";
        if falls_back {
            return Found::new(
                at,
                what,
                "take the sum over the replicas, or `metricType: Value` and no fallback",
            );
        }
        Found::new(at.clone(), what, "set `metricType: Value`").with_fix(Fix {
            summary: "set metricType to Value".to_owned(),
            caution: Caution::Overwrites,
            edits: vec![Edit::Set { at, value: json!("Value") }],
        })
    });
    found.collect()
}
