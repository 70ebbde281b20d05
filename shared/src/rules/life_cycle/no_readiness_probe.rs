//! INF085: nothing says when the server is ready.

use super::is_endless;
use crate::inspect::ProbeKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF085.
pub(crate) static RULE: Rule = Rule {
    id: "INF085",
    name: "no-readiness-probe",
    group: Group::LifeCycle,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "The serving container has neither a readiness nor a startup probe",
    needs: "a workload that runs until it is stopped",
    rationale: "A Pod counts as ready when its process runs: a Service sends requests to it minutes before the weights \
                are loaded, and a roll-out takes the old Pods away too early.",
    fix: None,
    source: "kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes",
    check: Check::Workload(check),
    examples: examples!("INF085"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    // A container that has not passed its startup probe is not ready either, and KubeRay adds probes of its own.
    let waits =
        [ProbeKind::Readiness, ProbeKind::Startup].iter().any(|kind| container.probe(*kind).is_some());
    let is_of_ray = matches!(facts.workload.identity.kind, "RayService" | "RayCluster" | "RayJob");
    // Ollama loads a model when it is asked for, not at start.
    let loads_later = facts.pod.image.is_ollama();
    if waits || is_of_ray || loads_later || !is_endless(facts) {
        return Vec::new();
    }
    let own = facts.server.map(|server| server.health_path.as_str());
    let remedy = match own.or(facts.pod.server.health_path()) {
        Some(path) => format!("add one that asks `{path}`"),
        None => "add one that asks what the server answers once it serves".to_owned(),
    };
    let at = container.pointer(["readinessProbe"]);
    vec![Found::new(at, "requests come before the weights are loaded", remedy)]
}
