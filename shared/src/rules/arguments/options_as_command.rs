//! INF080: options where the program belongs.

use super::{elements, texts};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF080.
pub(crate) static RULE: Rule = Rule {
    id: "INF080",
    name: "options-as-command",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "`command` begins with an option of the server, not with a program",
    needs: "an image that carries a model server",
    rationale: "`command` replaces the image's entrypoint. The container runtime looks for a program of the option's \
                name, finds none, and the container never starts.",
    fix: None,
    source: "kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container",
    check: Check::Workload(check),
    examples: examples!("INF080"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if !texts(container, "command").next().is_some_and(|first| first.starts_with('-')) {
        return Vec::new();
    }
    let found = elements(container, "command").into_iter().next().map(|first| {
        let what = format!("`command` replaces the image's entrypoint, and `{}` is no program", first.text);
        Found::new(first.at, what, "call the list `args`")
    });
    found.into_iter().collect()
}
