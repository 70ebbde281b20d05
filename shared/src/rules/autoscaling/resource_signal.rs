//! INF100: scaling on processors or memory.

use serde_json::{Value, json};

use super::signal::is_resource;
use super::threshold::aim;
use crate::catalog::Meaning;
use crate::inspect::AutoscalerKind;
use crate::manifest::autoscaling::gauge_metric;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{
    AutoscalerFacts, Caution, Check, Edit, Facts, Fix, Group, MetricsApi, Rule, Scope, Settings, Severity,
};

/// INF100.
pub(crate) static RULE: Rule = Rule {
    id: "INF100",
    name: "resource-signal",
    group: Group::Autoscaling,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "An autoscaler of a server on accelerators scales on processors or memory alone",
    needs: "the target's manifest",
    rationale: "The work is done on accelerators: processors are busy or idle whatever the load, and host memory never \
                shrinks. Such an autoscaler adds replicas for nothing or never. An HPA without metrics has this signal \
                too: the API server fills in 80 % of the requested processors.",
    fix: Some(
        "scales on the server's running requests instead, held where the measured curve of the configuration says, or \
         at half of what the server runs at once where nobody measured it; only where a policy declares the metrics \
         API that offers them",
    ),
    source: "cloud.google.com/kubernetes-engine/docs/best-practices/machine-learning/inference/autoscaling; Kubernetes \
             API reference, HorizontalPodAutoscalerSpec v2, metrics",
    check: Check::Autoscaler(check),
    examples: examples!("INF100", declared_metrics),
};

/// A policy that says where metrics come from.
fn declared_metrics() -> Settings {
    Settings { metrics_api: Some(MetricsApi::Stackdriver), ..Settings::default() }
}

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let autoscaler = facts.autoscaler;
    let Some(target) = facts.target.first().filter(|target| target.pod.accelerator.is_some()) else {
        return Vec::new();
    };
    let is_default = autoscaler.metrics.is_empty() && autoscaler.kind == AutoscalerKind::Horizontal;
    if !autoscaler.metrics.iter().all(is_resource) || (autoscaler.metrics.is_empty() && !is_default) {
        return Vec::new();
    }
    let mut names: Vec<&str> = autoscaler.metrics.iter().filter_map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    let names = if is_default { "cpu".to_owned() } else { names.join(" and ") };
    let what = format!("it scales on {names}, which does not follow the load of a server on accelerators");
    let remedy = match running(target) {
        Some(gauge) => format!("scale on the server's own `{gauge}`"),
        None => "scale on the server's running or waiting requests".to_owned(),
    };
    let found = Found::new(autoscaler.metrics_at(), what, remedy);
    vec![match fix(facts, target) {
        Some(fix) => found.with_fix(fix),
        None => found,
    }]
}

/// The server's gauge of running requests.
fn running<'a>(target: &Facts<'a>) -> Option<&'a str> {
    target.signal(Meaning::Running).map(|signal| signal.metric.as_str())
}

fn fix(facts: &AutoscalerFacts<'_>, target: &Facts<'_>) -> Option<Fix> {
    let MetricsApi::Stackdriver = facts.background.settings.metrics_api?;
    if facts.autoscaler.identity.api_version != "autoscaling/v2" {
        return None;
    }
    let gauge = running(target)?;
    let aim = aim(target)?;
    let value: Value = json!([gauge_metric(gauge, f64::from(aim.running))]);
    Some(Fix {
        summary: format!("scale on {} of {gauge} a replica: {}", aim.running, aim.why),
        caution: Caution::Overwrites,
        edits: vec![Edit::Set { at: facts.autoscaler.metrics_at(), value }],
    })
}
