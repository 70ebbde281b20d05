//! INF102: a metric that never comes.

use serde_json::Value;

use super::signal::{Scraped, WITH_PREFIX, prefix, scraped};
use crate::catalog::{MetricType, Signal};
use crate::inspect::{Metric, PointerBuf, ServerKind};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF102.
pub(crate) static RULE: Rule = Rule {
    id: "INF102",
    name: "metric-not-exported",
    group: Group::Autoscaling,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "An autoscaler reads a metric that the server's version does not export",
    needs: "the target's manifest with the server's version, and a metric named `prometheus.googleapis.com|…` or a \
            Prometheus query of KEDA; other adapters rename metrics",
    rationale: "A metric that does not exist never asks for a replica, and in an HPA with several metrics it keeps the \
                others from scaling down.",
    fix: Some("takes the name that this version exports"),
    source: "/metrics of a running vLLM 0.32.0; docs.vllm.ai/en/v0.7.2/serving/metrics.html; SGLang server arguments",
    check: Check::Autoscaler(check),
    examples: examples!("INF102"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let Some(target) = facts.target.first() else { return Vec::new() };
    let metrics = facts.autoscaler.metrics.iter();
    metrics
        .filter_map(|metric| scraped(metric).into_iter().find_map(|name| of(metric, name, target)))
        .collect()
}

fn of(metric: &Metric<'_>, scraped: Scraped<'_>, target: &Facts<'_>) -> Option<Found> {
    let name = base(scraped.name);
    let at = || name_at(metric);
    let server = target.server?;
    let own = prefix(target.pod.server)?;
    if let Some(version) = target.version
        && let Some(signal) = target.signal_named(name)
        && !target.exports(name)
        && let Some(instead) = replacement(target, signal)
    {
        let what = format!("{} {} does not export `{name}`", server.display_name, version.version);
        let found = Found::new(at(), what, format!("use `{instead}`"));
        return Some(with_fix(found, metric, name, instead));
    }
    let of_other =
        |other: &ServerKind| prefix(*other).is_some_and(|other| other != own && name.starts_with(other));
    if WITH_PREFIX.iter().any(of_other) {
        let what =
            format!("{} does not export `{name}`: its metrics begin with `{own}`", server.display_name);
        return Some(Found::new(at(), what, "use the metric of this server that says the same"));
    }
    if !name.starts_with(own) {
        return None;
    }
    if let Some((reason, remedy)) = switched_off(target, name) {
        let what = format!("`{name}` is not exported: {reason}");
        return Some(Found::new(at(), what, remedy));
    }
    let kind = scraped.kind.filter(|kind| *kind != "gauge")?;
    if !is_gauge(target, name) {
        return None;
    }
    let found =
        Found::new(at(), format!("`{name}` is a gauge, not a {kind}"), format!("name it `{name}|gauge`"));
    Some(with_fix(found, metric, &format!("{name}|{kind}"), &format!("{name}|gauge")))
}

/// The metric that a series of a histogram belongs to.
fn base(name: &str) -> &str {
    let suffix = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
    suffix.unwrap_or(name)
}

fn is_gauge(target: &Facts<'_>, name: &str) -> bool {
    target.signal_named(name).is_some_and(|signal| signal.kind == MetricType::Gauge)
}

/// What the version exports in place of a signal of others.
fn replacement<'a>(target: &Facts<'a>, signal: &'a Signal) -> Option<&'a str> {
    let same = target.signal(signal.meaning).map(|signal| signal.metric.as_str());
    same.or_else(|| signal.instead.as_deref().filter(|instead| target.exports(instead)))
}

/// Why the server does not export it, and what to do.
fn switched_off(target: &Facts<'_>, name: &str) -> Option<(String, String)> {
    let arguments = &target.pod.arguments;
    let is_given = |flag: &str| arguments.option(&[flag.trim_start_matches('-')]).is_some();
    // What a table does not list is exported, or not, with the rest.
    let signal = target.signal_named(name).or(target.signals.first().copied())?;
    if let Some(flag) = signal.not_with.as_deref().filter(|flag| is_given(flag)) {
        return Some((format!("the server runs with `{flag}`"), format!("remove `{flag}`")));
    }
    let needs = signal.needs.as_deref().filter(|needs| needs.starts_with("--"))?;
    (arguments.complete && !is_given(needs))
        .then(|| (format!("the server runs without `{needs}`"), format!("add `{needs}` to its arguments")))
}

/// Where the name stands, below the metric.
fn name_at(metric: &Metric<'_>) -> PointerBuf {
    let below: &[&str] = match metric.kind {
        "Pods" => &["pods", "metric", "name"],
        "External" => &["external", "metric", "name"],
        "Object" => &["object", "metric", "name"],
        _ => &["metadata", "query"],
    };
    metric.at.concat(&PointerBuf::from_tokens(below.iter().copied()))
}

fn with_fix(found: Found, metric: &Metric<'_>, old: &str, new: &str) -> Found {
    let Some(text) = metric.query.or(metric.name) else { return found };
    found.with_fix(Fix {
        summary: format!("read {new} instead of {old}"),
        caution: Caution::Overwrites,
        edits: vec![Edit::Set { at: name_at(metric), value: Value::String(text.replace(old, new)) }],
    })
}
