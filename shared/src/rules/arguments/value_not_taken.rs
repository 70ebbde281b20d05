//! INF078: a value that no version of the server takes.

use super::reaches_server;
use crate::inspect::{Argument, ArgumentValue, ServerKind};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF078.
pub(crate) static RULE: Rule = Rule {
    id: "INF078",
    name: "value-not-taken",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "An option has a value that no version of the server takes",
    needs: "the server's own parser, and a value that the manifest spells out",
    rationale: "The server checks these values before it loads anything, says what it takes, and exits; the Pod restarts \
                without end.",
    fix: None,
    source: "`vllm serve --help=all` of 0.32.0, and vllm/engine/arg_utils.py and vllm/config of the versions since 0.4.3: \
             `--dtype`, `--gpu-memory-utilization`, the parallel sizes; sglang/srt/server_args.py: `--dtype`",
    check: Check::Workload(check),
    examples: examples!("INF078"),
};

/// What an option takes.
enum Taken {
    /// One of these words.
    Word(&'static [&'static str]),
    /// More than 0 and at most 1.
    Share,
    /// A whole number from 1 on.
    Count,
}

impl Taken {
    fn takes(&self, value: &str) -> bool {
        match self {
            Self::Word(words) => words.contains(&value),
            Self::Share => number(value).is_none_or(|share| share > 0.0 && share <= 1.0),
            // Anything else than a number may be a form that a later version reads, such as `16k`.
            Self::Count => number(value).is_none_or(|count| count >= 1.0),
        }
    }

    fn description(&self) -> String {
        match self {
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Share => "a share of the memory, more than 0 and at most 1".to_owned(),
            Self::Count => "a whole number from 1 on".to_owned(),
        }
    }

    fn remedy(&self, value: &str) -> &'static str {
        match self {
            Self::Word(_) if ["fp8", "int", "fp4"].iter().any(|few| value.starts_with(few)) => {
                "remove it: weights of fewer bits are asked for by `--quantization`, or come with the checkpoint"
            }
            Self::Word(_) => "write one of these, or remove it",
            Self::Share if number(value).is_some_and(|percent| (2.0..=100.0).contains(&percent)) => {
                "write the percentage as a share, 90 as `0.9`"
            }
            Self::Share => "write such a share, or remove it",
            Self::Count => "write such a number, or remove it",
        }
    }
}

fn number(value: &str) -> Option<f64> {
    value.trim().parse().ok()
}

/// Options whose values are the same in every version.
fn taken(server: ServerKind, name: &str) -> Option<Taken> {
    const ELEMENT_TYPES: &[&str] = &["auto", "half", "float16", "bfloat16", "float", "float32"];
    match (server, name) {
        (ServerKind::Vllm | ServerKind::Sglang, "dtype") => Some(Taken::Word(ELEMENT_TYPES)),
        (ServerKind::Vllm, "gpu-memory-utilization") => Some(Taken::Share),
        (ServerKind::Vllm, "tensor-parallel-size" | "pipeline-parallel-size") => Some(Taken::Count),
        _ => None,
    }
}

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if !reaches_server(facts.pod) {
        return Vec::new();
    }
    let options = facts.pod.arguments.options.iter();
    options.filter_map(|option| finding(facts, option, &taken(facts.pod.server, &option.name)?)).collect()
}

fn finding(facts: &Facts<'_>, option: &Argument, taken: &Taken) -> Option<Found> {
    let ArgumentValue::Literal(value) = &option.value else { return None };
    if taken.takes(value) {
        return None;
    }
    let server = facts.server.map_or("the server", |server| server.display_name.as_str());
    let takes = taken.description();
    let what = format!("{server} exits at start: `--{}` takes {takes}, and `{value}` is none", option.name);
    Some(Found::new(option.at.pointer().clone(), what, taken.remedy(value)))
}
