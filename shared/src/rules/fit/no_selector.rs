//! INF057: any accelerator will do.

use serde_json::Value;

use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF057.
pub(crate) static RULE: Rule = Rule {
    id: "INF057",
    name: "accelerator-without-selector",
    group: Group::Fit,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "Accelerators are asked for, and nothing says of which kind",
    needs: "a Pod that is GKE's: it asks for TPUs, or carries GKE's annotations, labels or volumes",
    rationale: "On Autopilot, and with node auto-provisioning, no node is made for the Pod; with several pools it lands \
                on whichever accelerator is free. TPU Pods without accelerator and topology are refused.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/how-to/autopilot-gpus; …/how-to/tpus",
    check: Check::Workload(check),
    examples: examples!("INF057"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let node = &pod.node;
    let Some(request) = &pod.accelerator else { return Vec::new() };
    let says = |field: &str| pod.spec().get(field).is_some_and(|value| !is_empty(value));
    let constrained = node.constrained_otherwise
        || node.compute_class.is_some()
        || ["nodeSelector", "nodeName", "resourceClaims"].iter().any(|field| says(field))
        || pod.spec().pointer("/affinity/nodeAffinity").is_some_and(|value| !is_empty(value));
    if constrained || !(facts.is_tpu() || facts.has_mark_of_gke()) {
        return Vec::new();
    }
    let what = format!("`{}` is asked for without a node selector", request.resource);
    let (label, severity) = match facts.is_tpu() {
        true => (
            "`cloud.google.com/gke-tpu-accelerator` and `cloud.google.com/gke-tpu-topology`",
            Severity::Warning,
        ),
        false => ("`cloud.google.com/gke-accelerator`", Severity::Information),
    };
    let found = Found::new(
        pod.pointer(["spec", "nodeSelector"]),
        what,
        format!("select {label}, or a compute class"),
    );
    vec![found.with_severity(severity)]
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
