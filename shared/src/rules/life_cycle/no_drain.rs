//! INF088: running requests are cut off.

use super::is_endless;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// What Kubernetes gives a Pod that says nothing, and what the API server fills in.
const DEFAULT_GRACE_SECONDS: u64 = 30;

/// INF088.
pub(crate) static RULE: Rule = Rule {
    id: "INF088",
    name: "no-drain",
    group: Group::LifeCycle,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "Running requests have no time to end when a Pod goes",
    needs: "a workload that runs until it is stopped",
    rationale: "The server is told to stop while balancers still send requests to it, and 30 seconds later it is killed, \
                in the middle of answers that take longer.",
    fix: None,
    source: "kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, termination of Pods",
    check: Check::Workload(check),
    examples: examples!("INF088"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let waits = pod.serving().pre_stop().is_some() || pod.grace_period_seconds() != DEFAULT_GRACE_SECONDS;
    if waits || !is_endless(facts) {
        return Vec::new();
    }
    let at = pod.pointer(["spec", "terminationGracePeriodSeconds"]);
    let what = format!(
        "the server is told to stop while requests still come, and is killed {DEFAULT_GRACE_SECONDS} s later"
    );
    let remedy =
        "sleep in `lifecycle.preStop` until balancers know, and give the longest answer as grace period";
    vec![Found::new(at, what, remedy)]
}
