//! INF052: more ranks than devices.

use super::split::Split;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF052.
pub(crate) static RULE: Rule = Rule {
    id: "INF052",
    name: "too-few-accelerators",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The server is split over more accelerators than the Pod asks for",
    needs: "a replica of one Pod, every parallel size, and the accelerators that the serving container asks for",
    rationale: "Each rank takes a device of its own; the server exits when there are fewer.",
    fix: None,
    source: "docs.vllm.ai, Parallelism and Scaling; a tpu7x chip is two devices",
    check: Check::Workload(check),
    examples: examples!("INF052"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(split) = Split::of(facts) else { return Vec::new() };
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    if split.ranks() <= split.devices() {
        return Vec::new();
    }
    let what = format!("{} needs {} devices, the Pod has {}", split.words(), split.ranks(), split.devices());
    vec![Found::new(request.at.clone(), what, "ask for as many accelerators, or split the server over fewer")]
}
