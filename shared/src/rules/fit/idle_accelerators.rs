//! INF053: fewer ranks than devices.

use super::split::Split;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF053.
pub(crate) static RULE: Rule = Rule {
    id: "INF053",
    name: "idle-accelerators",
    group: Group::Fit,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The server uses fewer accelerators than the Pod asks for",
    needs: "a replica of one Pod on GPUs, every parallel size, and no second container with accelerators",
    rationale: "The others are paid for and do nothing: without a parallel size the server takes one.",
    fix: None,
    source: "docs.vllm.ai, Parallelism and Scaling",
    check: Check::Workload(check),
    examples: examples!("INF053"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(split) = Split::of(facts) else { return Vec::new() };
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    // TPU machines give all of their chips or none.
    if facts.is_tpu() || split.ranks() >= split.devices() {
        return Vec::new();
    }
    let idle = split.devices() - split.ranks();
    let what = format!("{} uses {} of {} accelerators", split.words(), split.ranks(), split.devices());
    let remedy = format!("raise the tensor parallel size, or ask for {idle} fewer");
    vec![Found::new(request.at.clone(), what, remedy)]
}
