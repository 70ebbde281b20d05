//! INF077: one variable, two values.

use std::collections::HashMap;

use crate::inspect::{Environment, EnvironmentValue};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF077.
pub(crate) static RULE: Rule = Rule {
    id: "INF077",
    name: "duplicate-variable",
    group: Group::Arguments,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "`env` sets one variable twice, to different values",
    needs: "two literal values of one name in one container",
    rationale: "The later entry wins, and `kubectl apply` may drop or reorder entries of one name when it merges.",
    fix: None,
    source: "kubernetes.io/docs/reference/using-api/server-side-apply, merge strategy: `env` is a map by name",
    check: Check::Workload(check),
    examples: examples!("INF077"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if !facts.pod.variables.repeat(container) {
        return Vec::new();
    }
    let environment = &container.environment;
    let mut last: HashMap<&str, &Environment<'_>> = HashMap::with_capacity(environment.len());
    let found = environment.iter().filter_map(|variable| {
        let earlier = last.insert(variable.name, variable)?;
        let (old, new) = (literal(earlier)?, literal(variable)?);
        (old != new).then(|| {
            let what = format!("`{}` is set to `{}` and then to `{}`", variable.name, short(old), short(new));
            Found::new(container.place_of(variable), what, "keep one of the two")
        })
    });
    found.collect()
}

/// A reference may build on the earlier value.
fn literal<'a>(variable: &Environment<'a>) -> Option<&'a str> {
    match variable.value {
        EnvironmentValue::Literal(text) => Some(text),
        EnvironmentValue::Secret | EnvironmentValue::Reference => None,
    }
}

/// As much as a message holds; a token in plain text is nobody's business.
fn short(text: &str) -> String {
    match text.starts_with("hf_") {
        true => "hf_…".to_owned(),
        false => text.chars().take(60).collect(),
    }
}
