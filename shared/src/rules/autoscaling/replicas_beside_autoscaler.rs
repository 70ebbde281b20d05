//! INF107: two that decide on the replicas.

use crate::inspect::PointerBuf;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF107.
pub(crate) static RULE: Rule = Rule {
    id: "INF107",
    name: "replicas-beside-autoscaler",
    group: Group::Autoscaling,
    severity: Severity::Information,
    // The API server writes 1 where the author wrote nothing.
    scope: Scope::LintOnly,
    summary: "A workload that an autoscaler scales has `spec.replicas` in its manifest",
    needs: "the workload and its autoscaler in the same set of files",
    rationale: "Every apply of the manifest sets the replicas back, and the autoscaler has to start over, at full load \
                with too few.",
    fix: None,
    source: "Kubernetes documentation, Horizontal Pod Autoscaling, migrating Deployments and StatefulSets",
    check: Check::Workload(check),
    examples: examples!("INF107"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let workload = facts.workload;
    let Some(replicas) = workload.replicas.filter(|_| facts.is_first_pod()) else { return Vec::new() };
    let autoscalers = facts.background.neighbours.autoscalers_of(&workload.identity);
    let Some(autoscaler) = autoscalers.first() else { return Vec::new() };
    let kind = autoscaler.identity.kind;
    let name = autoscaler.identity.name.unwrap_or_default();
    vec![Found::new(
        PointerBuf::from_tokens(["spec", "replicas"]),
        format!("every apply sets the replicas to {replicas}, whatever {kind} `{name}` had decided"),
        "leave `spec.replicas` out; of a live object remove it from the last applied configuration first, since an \
         apply that only drops it resets it to 1",
    )]
}
