//! INF120: a promise that nobody can read.

use serde_json::Value;

use super::targets::{ANNOTATIONS, PREFIX, milliseconds};
use crate::inspect::PointerBuf;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF120.
pub(crate) static RULE: Rule = Rule {
    id: "INF120",
    name: "malformed-target",
    group: Group::Promise,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "An annotation that should promise a latency cannot be read",
    needs: "an annotation `kubectl-infer.io/target-…`",
    rationale: "A target that cannot be read is not checked, and the workload seems to keep a promise that nobody \
                compares with anything.",
    fix: None,
    source: "docs/rules.md",
    check: Check::Workload(check),
    examples: examples!("INF120"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if !facts.is_first_pod() {
        return Vec::new();
    }
    let mut found = of(facts.workload.object, &PointerBuf::new());
    if !facts.pod.at.is_root() {
        found.extend(of(facts.pod.template, &facts.pod.at));
    }
    found
}

/// What is wrong in the annotations of the object or template at `at`.
fn of(value: &Value, at: &PointerBuf) -> Vec<Found> {
    let annotations = value.pointer("/metadata/annotations").and_then(Value::as_object);
    let targets = annotations.into_iter().flatten().filter(|(key, _)| key.starts_with(PREFIX));
    let found = targets.filter_map(|(key, value)| {
        let place = at.concat(&PointerBuf::from_tokens(["metadata", "annotations", key]));
        if !ANNOTATIONS.iter().any(|(_, known)| known == key) {
            let known = ANNOTATIONS.map(|(_, known)| format!("`{known}`")).join(", ");
            return Some(Found::new(
                place,
                format!("`{key}` is no target"),
                format!("one of {known} is accepted"),
            ));
        }
        let remedy = "write a positive number of milliseconds as a text: `\"500\"`";
        match value.as_str() {
            Some(text) if milliseconds(text).is_some() => None,
            Some(text) => {
                let shown: String = text.chars().take(40).collect();
                Some(Found::new(
                    place,
                    format!("`{key}` is `{shown}`, which is no number of milliseconds"),
                    remedy,
                ))
            }
            None => {
                Some(Found::new(place, format!("`{key}` is no text, and the API server refuses it"), remedy))
            }
        }
    });
    found.collect()
}
