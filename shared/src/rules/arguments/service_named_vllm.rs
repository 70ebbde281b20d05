//! INF082: a Service whose variables the server takes for its own.

use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// The name of a Service, and the variable that every Pod of its namespace gets from it.
const SERVICE: &str = "vllm";
const VARIABLE: &str = "VLLM_PORT";

/// INF082.
pub(crate) static RULE: Rule = Rule {
    id: "INF082",
    name: "service-named-vllm",
    group: Group::Arguments,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A Service named `vllm` sets `VLLM_PORT` to an address, which vLLM reads as its own setting",
    needs: "the Service's manifest beside vLLM's; at admission Services are not looked at",
    rationale: "A Pod that starts when its namespace has the Service gets `VLLM_PORT=tcp://…`. vLLM wants a number, says \
                that it `appears to be a URI`, and exits: at the latest when the Pod starts for the second time.",
    fix: None,
    source: "docs.vllm.ai, environment variables: a warning to Kubernetes users not to name the Service `vllm`; \
             vllm/envs.py, get_vllm_port; kubernetes.io/docs/tutorials/services/connect-applications-service",
    check: Check::Workload(check),
    examples: examples!("INF082"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let namespace = facts.workload.identity.namespace;
    let is_off = pod.spec().get("enableServiceLinks").is_some_and(|links| links == false);
    let is_set = pod.serving().variable(VARIABLE).is_some() || pod.variables.is_set_by_script(VARIABLE);
    if pod.server != ServerKind::Vllm
        || is_off
        || is_set
        || !facts.background.neighbours.has_service(namespace, SERVICE)
    {
        return Vec::new();
    }
    let what =
        format!("the Service `{SERVICE}` sets `{VARIABLE}` to an address, where vLLM expects a number");
    let remedy = "set `enableServiceLinks: false`, or give the Service another name";
    vec![Found::new(pod.pointer(["spec", "enableServiceLinks"]), what, remedy)]
}
