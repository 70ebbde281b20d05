//! INF103: a threshold above anything that the server can report.

use serde_json::Value;

use super::query;
use super::signal::{prometheus_query, scraped};
use super::threshold::{aim, seats};
use crate::autoscale::TOLERANCE;
use crate::catalog::Bound;
use crate::inspect::{Metric, MetricTarget, parse_quantity};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF103.
pub(crate) static RULE: Rule = Rule {
    id: "INF103",
    name: "threshold-out-of-reach",
    group: Group::Autoscaling,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "An autoscaler's threshold is above anything that the metric can reach",
    needs: "the target's manifest; for running requests how many the server runs at once, from its arguments or the \
            defaults of its version",
    rationale: "A server runs at most as many requests at once as it has seats for (`--max-num-seqs`), the rest waits \
                and is not counted; a share of the cache is between 0 and 1. An HPA acts 10 % above its target: a \
                target that the metric cannot exceed by as much never asks for a replica.",
    fix: Some(
        "sets the threshold of running requests to what the measured curve says, or to half of the seats",
    ),
    source: "Kubernetes documentation, Horizontal Pod Autoscaling, algorithm details; /metrics of a running vLLM 0.32.0",
    check: Check::Autoscaler(check),
    examples: examples!("INF103"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let Some(target) = facts.target.first() else { return Vec::new() };
    let tolerance = facts.autoscaler.behavior.and_then(|behavior| {
        let written = behavior.pointer("/scaleUp/tolerance")?;
        written.as_f64().or_else(|| parse_quantity(written.as_str()?))
    });
    let metrics = facts.autoscaler.metrics.iter();
    metrics.filter_map(|metric| of(metric, target, tolerance.unwrap_or(TOLERANCE))).collect()
}

fn of(metric: &Metric<'_>, target: &Facts<'_>, tolerance: f64) -> Option<Found> {
    let (name, factor) = plain_name(metric)?;
    let (bound, of_seats) = bound(target, name)?;
    let reached = bound * factor;
    let aimed = per_replica(metric)?;
    // What lies on the bound to the last bit is the generator's own rounding.
    if aimed * (1.0 + tolerance) <= reached * (1.0 + 1e-9) {
        return None;
    }
    let percent = tolerance * 100.0;
    let why = if of_seats {
        format!("a replica runs at most {bound} requests at once")
    } else {
        "it is a share between 0 and 1".to_owned()
    };
    let times = if factor == 1.0 { String::new() } else { format!(" times {factor}") };
    let what =
        format!("the target of {aimed} for `{name}`{times} is never exceeded by {percent:.0} %: {why}");
    let most = reached / (1.0 + tolerance);
    let remedy = if most >= 2.0 { format!("aim below {most:.0}") } else { format!("aim below {most:.2}") };
    let found = Found::new(metric.at.clone(), what, remedy);
    Some(match fix(metric, target).filter(|_| of_seats && factor == 1.0) {
        Some(fix) => found.with_fix(fix),
        None => found,
    })
}

/// The metric's name and a factor, where it is read as it is, or summed or averaged over the replicas, or that times a
/// number: not combined.
fn plain_name<'a>(metric: &Metric<'a>) -> Option<(&'a str, f64)> {
    let Some(query) = prometheus_query(metric) else {
        // Adapters that rename leave no colon: with one the series is passed on as it is.
        let kept = metric.name.filter(|name| metric.kind == "Pods" && name.contains(':'));
        return scraped(metric).first().map(|scraped| scraped.name).or(kept).map(|name| (name, 1.0));
    };
    let (query, outer) = query::scaled(query);
    let (inner, factor) = match query::outermost(query) {
        Some(("sum" | "avg" | "max" | "min", inner)) => query::scaled(inner),
        Some(_) => return None,
        None => (query, 1.0),
    };
    query::selector(inner).map(|name| (name, outer * factor))
}

/// Highest value of a replica, and whether it is the number of seats.
fn bound(target: &Facts<'_>, name: &str) -> Option<(f64, bool)> {
    match target.signal_named(name)?.most? {
        Bound::One => Some((1.0, false)),
        // Far below 2^53.
        Bound::Seats => seats(target).map(|seats| (seats as f64, true)),
        Bound::Memory => None,
    }
}

/// The target as a value of one replica; `None` where it is one of all replicas together.
fn per_replica(metric: &Metric<'_>) -> Option<f64> {
    match metric.target? {
        MetricTarget::AverageValue(value) => Some(value),
        MetricTarget::Value(value) => {
            let (query, _) = query::scaled(prometheus_query(metric)?);
            let (function, _) = query::outermost(query)?;
            matches!(function, "avg" | "max" | "min").then_some(value)
        }
        MetricTarget::Utilization(_) => None,
    }
}

fn fix(metric: &Metric<'_>, target: &Facts<'_>) -> Option<Fix> {
    if metric.kind != "Pods" {
        return None;
    }
    let aim = aim(target)?;
    Some(Fix {
        summary: format!("aim at {} running requests a replica: {}", aim.running, aim.why),
        caution: Caution::Overwrites,
        edits: vec![Edit::Set {
            at: metric.target_at.clone()?,
            value: Value::String(aim.running.to_string()),
        }],
    })
}
