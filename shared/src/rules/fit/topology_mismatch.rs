//! INF055: chips that a slice does not have.

use serde_json::Value;

use crate::inspect::{Role, Told};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF055.
pub(crate) static RULE: Rule = Rule {
    id: "INF055",
    name: "topology-mismatch",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The TPU topology has other chips than the Pods ask for",
    needs: "the topology, the chips of a Pod, and for slices of several Pods the number of Pods of a group",
    rationale: "product(topology) = chips of a Pod × Pods of the slice: Pods beyond it stay pending, chips beyond it are \
                paid for, and a slice that is not whole does not start.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/concepts/tpus, topology",
    check: Check::Workload(check),
    examples: examples!("INF055"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(request) = facts.pod.accelerator.as_ref().filter(|_| facts.is_tpu()) else { return Vec::new() };
    let Some(chips) = facts.accelerators_per_pod().map(u64::from).filter(|chips| *chips > 0) else {
        return Vec::new();
    };
    let Some((topology, held)) = topology(facts) else { return Vec::new() };
    let (what, remedy) = if chips > held || !held.is_multiple_of(chips) {
        let what = format!("the Pod asks for {chips} chips of a `{topology}` slice, which has {held}");
        (
            what,
            format!(
                "ask for {held} chips in one Pod or an equal part of them in several, or take another topology"
            ),
        )
    } else {
        match pods_of_a_slice(facts) {
            Some(pods) if pods != held / chips && !spans_slices(facts, pods, held / chips) => {
                let what =
                    format!("{pods} Pods of {chips} chips are no `{topology}` slice, which has {held}");
                (what, format!("ask for {chips} chips in {} Pods, or take another topology", held / chips))
            }
            _ => return Vec::new(),
        }
    };
    vec![Found::new(request.at.clone(), what, remedy)]
}

/// The topology and the product of its sides.
fn topology<'a>(facts: &Facts<'a>) -> Option<(&'a str, u64)> {
    let topology = facts.pod.node.topology.known()?;
    let sides: Option<Vec<u64>> =
        topology.split('x').map(|side| side.parse().ok().filter(|side| *side > 0)).collect();
    let held = sides?.into_iter().try_fold(1_u64, u64::checked_mul)?;
    Some((topology, held))
}

/// Pods that make one group, where the object says so. Replicas of a Deployment are no group.
fn pods_of_a_slice(facts: &Facts<'_>) -> Option<u64> {
    match (facts.pod.role, facts.pod.pods_per_replica) {
        (Role::Leader | Role::Worker, Told::Is(size)) => Some(u64::from(size)),
        (Role::Alone, _) if facts.workload.identity.kind == "Job" => {
            let count = |field: &str| facts.workload.object.get("spec")?.get(field).and_then(Value::as_u64);
            Some(count("completions").or_else(|| count("parallelism")).unwrap_or(1))
        }
        _ => None,
    }
}

/// Whether a group is several whole slices, or one beside a leader without chips.
fn spans_slices(facts: &Facts<'_>, pods: u64, of_a_slice: u64) -> bool {
    let leader_without = facts.pod.role == Role::Worker && pods.saturating_sub(1).is_multiple_of(of_a_slice);
    pods.is_multiple_of(of_a_slice) || leader_without
}
