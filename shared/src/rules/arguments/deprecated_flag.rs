//! INF071: a flag that is on its way out.

use super::unknown_flag::{judged, option_name};
use super::version_of;
use crate::catalog::Support;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF071.
pub(crate) static RULE: Rule = Rule {
    id: "INF071",
    name: "deprecated-flag",
    group: Group::Arguments,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A flag of this version is gone in a later one",
    needs: "vLLM's or SGLang's own image with a version whose flags the catalog has",
    rationale: "It works today; with the next image the server exits at start.",
    fix: None,
    source: "shared/data/flags: the argument parsers of the published versions",
    check: Check::Workload(check),
    examples: examples!("INF071"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some((table, version)) = judged(facts) else { return Vec::new() };
    let own = version_of(facts.pod).unwrap_or_default();
    let options = facts.pod.arguments.options.iter();
    let found = options.filter_map(|option| {
        let name = option_name(option)?;
        let Support::TakenUntil(before) = table.support(version, name) else { return None };
        let what = format!("`--{name}` works with {own} and is gone since {before}");
        Some(Found::new(option.at.pointer().clone(), what, format!("remove it before moving to {before}")))
    });
    found.collect()
}
