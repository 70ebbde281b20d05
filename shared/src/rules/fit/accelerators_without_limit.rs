//! INF059: accelerators in `requests` alone.

use serde_json::Value;

use crate::inspect::{Container, parse_quantity};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF059.
pub(crate) static RULE: Rule = Rule {
    id: "INF059",
    name: "accelerators-without-limit",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "Accelerators stand in `requests`, and `limits` does not say the same",
    needs: "nothing else",
    rationale: "Extended resources cannot be overcommitted: the API server refuses the object unless the limit is set, and \
                equal to the request.",
    fix: Some("sets the limit that is missing"),
    source: "kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus",
    check: Check::Workload(check),
    examples: examples!("INF059"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    facts.pod.containers.iter().flat_map(of_container).collect()
}

fn of_container(container: &Container<'_>) -> Vec<Found> {
    const RESOURCES: [&str; 4] = ["nvidia.com/gpu", "google.com/tpu", "amd.com/gpu", "habana.ai/gaudi"];
    let amount = |part: &str, name: &str| container.value.get("resources")?.get(part)?.get(name);
    let found = RESOURCES.iter().filter_map(|name| {
        let requested = amount("requests", name)?;
        let at = |part: &str| container.pointer(["resources", part, name]);
        let Some(limit) = amount("limits", name) else {
            let what = format!("`{name}` is requested but not limited");
            let found = Found::new(at("requests"), what, "set the same number in `limits`");
            return Some(found.with_fix(Fix {
                summary: format!("limit {name} to what is requested"),
                caution: Caution::Safe,
                edits: vec![Edit::Set { at: at("limits"), value: requested.clone() }],
            }));
        };
        let (requested, limit) = (number(requested)?, number(limit)?);
        let what = format!("{requested} of `{name}` are requested, and {limit} is the limit");
        (requested != limit).then(|| Found::new(at("requests"), what, "write the same number in both"))
    });
    found.collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| parse_quantity(value.as_str()?))
}
