//! INF075: a model as a word of its own where only `--model` counts.

use serde_json::json;

use super::{Element, elements, has_own_image, has_shell, version_numbers};
use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

const MODULE: &str = "vllm.entrypoints.openai.api_server";

/// INF075.
pub(crate) static RULE: Rule = Rule {
    id: "INF075",
    name: "positional-model",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The model stands as a word of its own, but `api_server` reads `--model` only",
    needs: "vLLM started by the module `api_server`, by command or by the entrypoint of its image up to 0.11.0",
    rationale: "Up to 0.9 the server exits; later ones take the word and forget it: they serve their default model.",
    fix: Some("writes `--model=` before the word"),
    source: "vllm/entrypoints/openai/api_server.py and cli_args.py; docker/Dockerfile, stage vllm-openai",
    check: Check::Workload(check),
    examples: examples!("INF075"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let container = pod.serving();
    let known = ["model", "config"].iter().any(|name| pod.arguments.option(&[*name]).is_some());
    if pod.server != ServerKind::Vllm || known || has_shell(container) {
        return Vec::new();
    }
    let command = elements(container, "command");
    let args = elements(container, "args");
    let words: Vec<_> = command.iter().chain(&args).collect();
    let first = match words.iter().position(|element| element.text == MODULE) {
        Some(module) => words.get(module + 1),
        None if command.is_empty() && starts_module(facts) => words.first(),
        None => None,
    };
    let Some(first) = first.filter(|element| is_model(element)) else { return Vec::new() };
    let what = format!("`{}` is no `--model`, and `api_server` takes its model from there alone", first.text);
    vec![Found::new(first.at.clone(), what, format!("write `--model={}`", first.text)).with_fix(Fix {
        summary: "write --model before the model".to_owned(),
        caution: Caution::Arguments,
        edits: vec![Edit::Set { at: first.at.clone(), value: json!(format!("--model={}", first.text)) }],
    })]
}

/// `owner/name` or a path. `serve` and programs are another finding.
fn is_model(element: &Element<'_>) -> bool {
    element.text.contains('/')
        && !element.text.contains(char::is_whitespace)
        && !element.text.starts_with('-')
}

/// The entrypoint of vLLM's image is the module up to 0.11.0 and `vllm serve` from 0.11.1 on.
fn starts_module(facts: &Facts<'_>) -> bool {
    has_own_image(facts.pod) && version_numbers(facts.pod, 3).is_some_and(|version| version <= vec![0, 11, 0])
}
