//! Where Pods may run.

use serde_json::Value;

use crate::inspect::ServingPod;

/// Regions that a Pod selects, by label of region or zone in its node selector or required affinity; empty where it
/// selects none.
pub(super) fn regions(pod: &ServingPod<'_>) -> Vec<String> {
    let spec = pod.spec();
    let mut regions = Vec::new();
    let selector = spec.get("nodeSelector").and_then(Value::as_object);
    for (label, value) in selector.into_iter().flatten() {
        regions.extend(value.as_str().and_then(|value| region(label, value)));
    }
    const TERMS: &str =
        "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    for expression in list(spec.pointer(TERMS)).iter().flat_map(|term| list(term.get("matchExpressions"))) {
        if expression.get("operator").and_then(Value::as_str) == Some("In") {
            let label = expression.get("key").and_then(Value::as_str).unwrap_or_default();
            let values = list(expression.get("values"));
            regions.extend(values.iter().filter_map(Value::as_str).filter_map(|value| region(label, value)));
        }
    }
    regions.sort_unstable();
    regions.dedup();
    regions
}

fn region(label: &str, value: &str) -> Option<String> {
    match label {
        "topology.kubernetes.io/region" | "failure-domain.beta.kubernetes.io/region" => {
            Some(value.to_owned())
        }
        "topology.kubernetes.io/zone" | "failure-domain.beta.kubernetes.io/zone" => {
            // `us-central1-a` lies in `us-central1`.
            value.rsplit_once('-').map(|(region, _)| region.to_owned())
        }
        _ => None,
    }
}
