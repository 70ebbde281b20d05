//! INF123: an accelerator that the policy does not list.

use std::collections::BTreeSet;

use super::example_limits;
use crate::catalog::Catalog;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF123.
pub(crate) static RULE: Rule = Rule {
    id: "INF123",
    name: "accelerator-not-allowed",
    group: Group::Promise,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A Pod selects an accelerator that the policy does not list",
    needs: "a policy with a list of accelerators, and a Pod that names its accelerator or machine type",
    rationale: "Whoever shares the cluster agreed on what each namespace may take.",
    fix: None,
    source: "the policy",
    check: Check::Workload(check),
    examples: examples!("INF123", example_limits),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(allowed) = &facts.background.settings.limits.accelerators else { return Vec::new() };
    let catalog = facts.background.catalog;
    let node = &facts.pod.node;
    let of_machine = |name: &String| {
        let machine = catalog.machines().ok()?.iter().find(|machine| machine.name == *name);
        machine.map(|machine| machine.accelerator.clone())
    };
    let mut selected: Vec<String> = node.accelerators.clone();
    selected.extend(node.machines.iter().filter_map(of_machine));
    let refused = selected.into_iter().find(|name| !is_allowed(name, allowed, catalog));
    let Some(name) = refused else { return Vec::new() };
    let list: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let at = facts.pod.pointer(["spec", "nodeSelector"]);
    let remedy = match list.as_slice() {
        [] => "the policy allows none in this namespace".to_owned(),
        list => format!("select one of {}", list.join(", ")),
    };
    vec![Found::new(at, format!("`{name}` is not among the accelerators that the policy allows"), remedy)]
}

/// Whether the label value `name` is on the list, by id or alias.
fn is_allowed(name: &str, allowed: &BTreeSet<String>, catalog: &Catalog) -> bool {
    let id = |name: &str| catalog.known_accelerator(name).ok().flatten().map(|found| found.id.as_str());
    allowed.iter().any(|one| one.eq_ignore_ascii_case(name))
        || id(name).is_some_and(|selected| allowed.iter().any(|one| id(one) == Some(selected)))
}
