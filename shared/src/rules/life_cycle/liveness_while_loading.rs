//! INF087: a liveness probe that restarts a server which is still loading.

use serde_json::{Map, Value, json};

use super::start::{Start, threshold};
use crate::inspect::{Probe, ProbeHandler, ProbeKind};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// Seconds between two questions of the startup probe that the fix adds.
const PERIOD_SECONDS: u32 = 10;

/// INF087.
pub(crate) static RULE: Rule = Rule {
    id: "INF087",
    name: "liveness-while-loading",
    group: Group::LifeCycle,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The liveness probe gives up before the server can have loaded its model, and no startup probe holds it back",
    needs: "vLLM, SGLang or TGI with accelerators, and a liveness probe on the server's own port",
    rationale: "The kubelet kills a container whose liveness probe gives up; the load begins anew, and never ends.",
    fix: Some("adds a startup probe that asks the same, for the length of a slow start"),
    source: "kubernetes.io, probes; rates of shared/src/rules/life_cycle/start.rs, the fastest there are",
    check: Check::Workload(check),
    examples: examples!("INF087"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if container.value.get(ProbeKind::Startup.field()).is_some() {
        return Vec::new();
    }
    let Some(probe) = container.probe(ProbeKind::Liveness) else { return Vec::new() };
    let Some(start) = Start::of(facts, &probe) else { return Vec::new() };
    let budget = probe.budget_seconds();
    if budget as f64 >= start.least_seconds {
        return Vec::new();
    }
    let what = format!(
        "the liveness probe kills the server {budget} s after its start, which takes {:.0} s at least: {}",
        start.least_seconds, start.words
    );
    let found = Found::new(probe.at.clone(), what, "add a startup probe that holds it back");
    let Some(startup) = startup(&probe, start.generous_seconds) else { return vec![found] };
    vec![found.with_fix(Fix {
        summary: "add a startup probe that asks what the liveness probe asks".to_owned(),
        caution: Caution::Safe,
        edits: vec![Edit::Set { at: container.pointer([ProbeKind::Startup.field()]), value: startup }],
    })]
}

/// A probe of the same question. It can only hold the others back: what it waits for, the liveness probe asks as well.
fn startup(probe: &Probe<'_>, seconds: f64) -> Option<Value> {
    let field = match probe.handler {
        ProbeHandler::Http { .. } => "httpGet",
        ProbeHandler::Tcp { .. } => "tcpSocket",
        ProbeHandler::Grpc { .. } | ProbeHandler::Exec | ProbeHandler::Unknown => return None,
    };
    let question = probe.value.get(field)?.clone();
    let mut startup = Map::new();
    startup.insert(field.to_owned(), question);
    startup.insert("periodSeconds".to_owned(), json!(PERIOD_SECONDS));
    startup.insert("timeoutSeconds".to_owned(), json!(probe.timeout_seconds.max(5)));
    startup.insert("failureThreshold".to_owned(), json!(threshold(seconds, PERIOD_SECONDS)));
    Some(Value::Object(startup))
}
