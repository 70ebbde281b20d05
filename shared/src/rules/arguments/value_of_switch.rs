//! INF081: a switch with a value.

use super::{reaches_server, version_numbers};
use crate::inspect::{Argument, ArgumentValue, ServerKind};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// Switches of vLLM that take no value in any version.
const SWITCHES: [&str; 8] = [
    "disable-log-requests",
    "disable-log-stats",
    "enable-auto-tool-choice",
    "enable-expert-parallel",
    "enable-lora",
    "enable-prefix-caching",
    "enforce-eager",
    "trust-remote-code",
];

/// One that took a value from 0.5 on until this release.
const CHUNKED_PREFILL: (&str, [u32; 2]) = ("enable-chunked-prefill", [0, 9]);

/// INF081.
pub(crate) static RULE: Rule = Rule {
    id: "INF081",
    name: "value-of-switch",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A switch of the server has a value",
    needs: "vLLM's own parser; for `--enable-chunked-prefill` a version from 0.9 on",
    rationale: "`--enforce-eager=true` ends in `ignored explicit argument`, and `--enforce-eager true` in `unrecognized \
                arguments`, or the word is taken for the model: the server exits.",
    fix: None,
    source: "vllm/engine/arg_utils.py of 0.4.3 to 0.33.0: `store_true` and `BooleanOptionalAction`; \
             docs.python.org/3/library/argparse.html",
    check: Check::Workload(check),
    examples: examples!("INF081"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if facts.pod.server != ServerKind::Vllm || !reaches_server(facts.pod) {
        return Vec::new();
    }
    facts.pod.arguments.options.iter().filter_map(|option| finding(facts, option)).collect()
}

fn finding(facts: &Facts<'_>, option: &Argument) -> Option<Found> {
    let name = option.name.strip_prefix("no-").unwrap_or(&option.name);
    let (chunked, since) = CHUNKED_PREFILL;
    let is_from = |since: [u32; 2]| {
        version_numbers(facts.pod, 2).is_some_and(|version| version.as_slice() >= since.as_slice())
    };
    let is_switch = SWITCHES.contains(&name) || (name == chunked && is_from(since));
    if !is_switch {
        return None;
    }
    let ArgumentValue::Literal(value) = &option.value else { return None };
    let remedy = match (value.to_ascii_lowercase().as_str(), option.name == name) {
        ("false" | "0", true) => format!("remove it, or write `--no-{name}` where the version has that"),
        _ => format!("write `--{}` alone", option.name),
    };
    let what = format!("`--{}` is a switch and takes no value, and `{value}` is one", option.name);
    Some(Found::new(option.at.pointer().clone(), what, remedy))
}
