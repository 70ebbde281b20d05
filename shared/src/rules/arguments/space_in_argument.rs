//! INF072: option and value in one element.

use serde_json::{Value, json};

use super::{Element, elements, has_shell, reaches_server};
use crate::inspect::Container;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF072.
pub(crate) static RULE: Rule = Rule {
    id: "INF072",
    name: "space-in-argument",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "One element holds an option, a space and its value",
    needs: "a command line that no shell reads",
    rationale: "An element reaches the server as one word. No option has a space in its name, so the server refuses it \
                or takes it for something else.",
    fix: Some("splits the element in two"),
    source: "kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container",
    check: Check::Workload(check),
    examples: examples!("INF072"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if has_shell(container) || !reaches_server(facts.pod) {
        return Vec::new();
    }
    let fields = ["command", "args"].into_iter();
    let found = fields.flat_map(|field| {
        let elements = elements(container, field);
        let joined: Vec<_> =
            elements.into_iter().filter(|element| option_and_value(element).is_some()).collect();
        joined.into_iter().map(move |element| finding(container, field, &element))
    });
    found.collect()
}

/// `--quantization` and `bitsandbytes` of `--quantization bitsandbytes`. A value may have spaces where `=` comes
/// before them.
fn option_and_value<'a>(element: &Element<'a>) -> Option<(&'a str, &'a str)> {
    let (option, value) = element.text.trim().split_once(char::is_whitespace)?;
    let name = option.strip_prefix("--")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    // Several options in one element are another finding.
    let several = value.split_whitespace().any(|word| word.starts_with("--"));
    (plain && !name.is_empty() && !several).then_some((option, value.trim()))
}

fn finding(container: &Container<'_>, field: &'static str, element: &Element<'_>) -> Found {
    let (option, value) = option_and_value(element).unwrap_or_default();
    let what = format!("`{}` reaches the server as one word", element.text.trim());
    let found = Found::new(
        element.at.clone(),
        what,
        format!("write two elements, `{option}` and the value, or `{option}=…`"),
    );
    // Quotes were meant for a shell; what they should come to is the author's to say.
    let quoted = value.contains(['"', '\'', '\\']);
    let list = container.value.get(field).and_then(Value::as_array);
    let Some(list) = list.filter(|_| !quoted) else { return found };
    let split = list.iter().flat_map(|word| {
        let own = word.as_str().map(|text| Element { text, at: element.at.clone() });
        match own.as_ref().and_then(option_and_value) {
            Some((option, value)) if !value.contains(['"', '\'', '\\']) => vec![json!(option), json!(value)],
            _ => vec![word.clone()],
        }
    });
    found.with_fix(Fix {
        summary: format!("split {option} and its value"),
        caution: Caution::Arguments,
        edits: vec![Edit::Set { at: container.pointer([field]), value: split.collect() }],
    })
}
