//! INF086: a startup probe that gives up before the weights are there.

use serde_json::json;

use super::start::{Start, threshold};
use crate::inspect::ProbeKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF086.
pub(crate) static RULE: Rule = Rule {
    id: "INF086",
    name: "startup-budget-too-short",
    group: Group::LifeCycle,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The startup probe gives up before the server can have loaded its model",
    needs: "vLLM, SGLang or TGI with accelerators, and a startup probe on the server's own port",
    rationale: "The kubelet kills a container whose startup probe gives up; the load begins anew, and never ends.",
    fix: Some("raises `failureThreshold` to a slow start's length"),
    source: "kubernetes.io, probes; rates of shared/src/rules/life_cycle/start.rs, the fastest there are; first \
             compilation on TPU: cloud.google.com/kubernetes-engine, TPU serving",
    check: Check::Workload(check),
    examples: examples!("INF086"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(probe) = facts.pod.serving().probe(ProbeKind::Startup) else { return Vec::new() };
    let Some(start) = Start::of(facts, &probe) else { return Vec::new() };
    let budget = probe.budget_seconds();
    if budget as f64 >= start.least_seconds {
        return Vec::new();
    }
    let what = format!(
        "the startup probe gives up after {budget} s; the start takes {:.0} s at least: {}",
        start.least_seconds, start.words
    );
    let failures = threshold(start.generous_seconds, probe.period_seconds);
    let at = probe.at.with_trailing_token("failureThreshold");
    vec![Found::new(probe.at, what, format!("set `failureThreshold` to {failures}")).with_fix(Fix {
        summary: format!("set failureThreshold to {failures}"),
        caution: Caution::Overwrites,
        edits: vec![Edit::Set { at, value: json!(failures) }],
    })]
}
