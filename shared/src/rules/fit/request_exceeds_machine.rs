//! INF058: requests that no machine with the accelerator holds.

use crate::catalog::GIB;
use crate::catalog::Machine;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF058.
pub(crate) static RULE: Rule = Rule {
    id: "INF058",
    name: "request-exceeds-machine",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "No machine with the accelerator holds what the Pod asks for",
    needs: "an accelerator of the catalog, named by GKE's label, whose machines the catalog has",
    rationale: "The Pod stays pending, and no node is made for it.",
    fix: None,
    source: "machine types of the catalog; cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes",
    check: Check::Workload(check),
    examples: examples!("INF058"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(accelerator) = facts.accelerator else { return Vec::new() };
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    let Some(asked) = facts.accelerators_per_pod() else { return Vec::new() };
    // An error of the catalog has been reported by whoever made the facts.
    let Ok(all) = facts.background.catalog.machines_with(&accelerator.id) else { return Vec::new() };
    let accepted = &facts.pod.node.machines;
    let all: Vec<_> =
        all.into_iter().filter(|machine| accepted.is_empty() || accepted.contains(&machine.name)).collect();
    let Some(largest) = all.iter().max_by_key(|machine| machine.whole_accelerators()) else {
        return Vec::new();
    };
    if asked > largest.whole_accelerators() && !super::split::is_partial(facts) {
        let most = largest.whole_accelerators();
        let what = format!("the Pod asks for {asked} {}, `{}` has {most}", accelerator.id, largest.name);
        let remedy = format!("ask for {most} at most, and split a larger model over several Pods");
        return vec![Found::new(request.at.clone(), what, remedy)];
    }
    amounts(facts, &accelerator.id, &facts.machines).into_iter().collect()
}

/// Memory and processors of all containers that run side by side, against the largest machine.
fn amounts(facts: &Facts<'_>, accelerator: &str, machines: &[&Machine]) -> Option<Found> {
    let along = || facts.pod.containers.iter().filter(|container| container.runs_along);
    let memory: f64 =
        along().filter_map(|container| container.resources.memory_request_bytes).sum::<f64>() / GIB;
    let vcpus: f64 = along().filter_map(|container| container.resources.vcpus_request).sum();
    let serving = facts.pod.serving();
    let by_memory = machines.iter().max_by(|a, b| a.memory_gib.total_cmp(&b.memory_gib))?;
    if memory > by_memory.pod_memory_gib() {
        return Some(too_much(
            serving.pointer(["resources", "requests", "memory"]),
            format!("{memory:.0} GiB of memory"),
            format!("{:.0} GiB", by_memory.pod_memory_gib()),
            (accelerator, &by_memory.name),
            memory > by_memory.allocatable_memory_gib(),
        ));
    }
    let by_vcpus = machines.iter().max_by_key(|machine| machine.vcpus)?;
    (vcpus > by_vcpus.pod_vcpus()).then(|| {
        too_much(
            serving.pointer(["resources", "requests", "cpu"]),
            format!("{vcpus:.1} processors"),
            format!("{:.1}", by_vcpus.pod_vcpus()),
            (accelerator, &by_vcpus.name),
            vcpus > by_vcpus.allocatable_vcpus(),
        )
    })
}

fn too_much(
    at: crate::inspect::PointerBuf,
    asked: String,
    given: String,
    (accelerator, machine): (&str, &str),
    never: bool,
) -> Found {
    let what = format!(
        "the Pod asks for {asked}; `{machine}`, the largest machine with {accelerator} in question, leaves {given} to it"
    );
    let found = Found::new(at, what, format!("ask for {given} at most"));
    // What only the node's own agents stand in the way of may fit a node that has fewer of them.
    if never { found } else { found.with_severity(Severity::Warning) }
}
