//! INF074: `args` begin with the program that the image's entrypoint already starts.

use serde_json::json;

use super::elements;
use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF074.
pub(crate) static RULE: Rule = Rule {
    id: "INF074",
    name: "serve-repeated",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "`args` repeat the program that the image's entrypoint already starts",
    needs: "vLLM's own image without a `command`",
    rationale: "The entrypoint of `vllm/vllm-openai` is `vllm serve` (up to 0.11.0 the module `api_server`). It takes \
                `serve` for the model's name, or refuses the words.",
    fix: Some("writes the program as `command`"),
    source: "docker/Dockerfile of vllm-project/vllm, stage vllm-openai",
    check: Check::Workload(check),
    examples: examples!("INF074"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    let name = facts.pod.image.repository.rsplit('/').next();
    let own = facts.pod.server == ServerKind::Vllm && name == Some("vllm-openai");
    if !own || container.value.get("command").is_some() {
        return Vec::new();
    }
    let args = elements(container, "args");
    let words: Vec<_> = args.iter().map(|element| element.text).take(3).collect();
    let repeated = match words.as_slice() {
        ["vllm", "serve", ..] => 2,
        ["python" | "python3", "-m", "vllm.entrypoints.openai.api_server"] => 3,
        ["serve", ..] => 1,
        _ => return Vec::new(),
    };
    let Some(first) = args.first() else { return Vec::new() };
    let program = words.get(..repeated).unwrap_or_default();
    let what =
        format!("`{}` comes after the image's own entrypoint, which starts the server", program.join(" "));
    let command = if repeated == 1 { vec!["vllm", "serve"] } else { program.to_vec() };
    let found = Found::new(first.at.clone(), what, format!("write `{}` as `command`", command.join(" ")));
    let rest: Vec<_> = args.iter().skip(repeated).map(|element| element.text).collect();
    vec![found.with_fix(Fix {
        summary: format!("move {} to command", program.join(" ")),
        caution: Caution::Arguments,
        edits: vec![
            Edit::Set { at: container.pointer(["command"]), value: json!(command) },
            Edit::Set { at: container.pointer(["args"]), value: json!(rest) },
        ],
    })]
}
