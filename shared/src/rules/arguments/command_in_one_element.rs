//! INF073: a whole command line as one element.

use super::{Element, elements, has_shell, reaches_server};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF073.
pub(crate) static RULE: Rule = Rule {
    id: "INF073",
    name: "command-in-one-element",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A whole command line stands in one element, and no shell reads it",
    needs: "a command line that no shell reads",
    rationale: "The first element of `command` is the name of a file to run, spaces and all; an element of `args` is one \
                word. The container fails to start, or the server refuses the word.",
    fix: Some("writes each word as an element of its own, where no quotes stand in it"),
    source: "kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container",
    check: Check::Workload(check),
    examples: examples!("INF073"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if has_shell(container) {
        return Vec::new();
    }
    let command = elements(container, "command");
    let program = command.first().filter(|element| is_command_line(element.text));
    let args = elements(container, "args");
    let options = args.iter().filter(|element| is_options(element.text) && reaches_server(facts.pod));
    let found = program.map(|element| ("command", element)).into_iter();
    let found = found.chain(options.map(|element| ("args", element)));
    found.map(|(field, element)| finding(facts, field, element)).collect()
}

/// A program of a server and words after it.
fn is_command_line(text: &str) -> bool {
    const PROGRAMS: [&str; 5] = ["vllm", "python", "python3", "sglang", "text-generation-launcher"];
    let mut words = text.split_whitespace();
    let program = words.next().map(|word| word.rsplit('/').next().unwrap_or(word));
    program.is_some_and(|program| PROGRAMS.contains(&program)) && words.next().is_some()
}

/// Two options or more.
fn is_options(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let option =
        |word: &str| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic));
    words.next().is_some_and(option) && words.any(option) && !text.contains('{')
}

fn finding(facts: &Facts<'_>, field: &'static str, element: &Element<'_>) -> Found {
    let container = facts.pod.serving();
    let words: Vec<_> = element.text.split_whitespace().collect();
    let what = format!("`{field}` has {} words in one element, and no shell takes them apart", words.len());
    let found = Found::new(element.at.clone(), what, "write each word as an element of its own");
    if element.text.contains(['"', '\'', '\\', '$', ';', '&', '|']) {
        return found;
    }
    let split = elements(container, field).into_iter().flat_map(|other| {
        let whole = if other.at == element.at { words.clone() } else { vec![other.text] };
        whole.into_iter().map(str::to_owned)
    });
    found.with_fix(Fix {
        summary: format!("write each word of {field} as an element"),
        caution: Caution::Arguments,
        edits: vec![Edit::Set { at: container.pointer([field]), value: split.collect() }],
    })
}
