//! INF008: a Hugging Face token for everyone to read.

use serde_json::Value;

use crate::inspect::{Container, EnvironmentValue, PointerBuf};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF008.
pub(crate) static RULE: Rule = Rule {
    id: "INF008",
    name: "token-in-plain-text",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A Hugging Face token stands in the manifest",
    needs: "a text of the form of a token that is no placeholder",
    rationale: "Whoever reads the manifest, its repository or the object in the cluster has the token.",
    fix: None,
    source: "huggingface.co/docs/hub/security-tokens; kubernetes.io/docs/concepts/security/secrets-good-practices",
    check: Check::Workload(check),
    examples: examples!("INF008"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let settings = facts.background.settings;
    let remedy = format!(
        "revoke the token, put a new one into Secret `{}` and refer to its key `{}`",
        settings.token_secret, settings.token_key
    );
    let places = facts.pod.containers.iter().flat_map(places_of_tokens);
    places.map(|at| Found::new(at, "a Hugging Face token stands in plain text", remedy.clone())).collect()
}

fn places_of_tokens(container: &Container<'_>) -> Vec<PointerBuf> {
    let variables = container.environment.iter().filter_map(|variable| match variable.value {
        EnvironmentValue::Literal(text) if holds_token(text) => {
            Some(container.place_of(variable).with_trailing_token("value"))
        }
        _ => None,
    });
    let words = ["command", "args"].into_iter().flat_map(|field| {
        let list = container.value.get(field).and_then(Value::as_array);
        let list = list.into_iter().flatten().enumerate();
        let with_token = list.filter(|(_, word)| word.as_str().is_some_and(holds_token));
        with_token.map(move |(index, _)| container.pointer([field, &index.to_string()]))
    });
    variables.chain(words).collect()
}

/// Whether `text` has a word of the form of a Hub token, `hf_` and 34 letters and digits, that does not look made up.
fn holds_token(text: &str) -> bool {
    text.match_indices("hf_").any(|(start, prefix)| {
        let starts_word = !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest = &text[start + prefix.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        starts_word && !rest[end..].starts_with(['_', '-']) && looks_random(&rest[..end])
    })
}

fn looks_random(secret: &str) -> bool {
    const LEAST_LENGTH: usize = 30;
    const LEAST_DISTINCT: usize = 14;
    const MADE_UP: [&str; 12] = [
        "your",
        "token",
        "here",
        "example",
        "placeholder",
        "secret",
        "replace",
        "change",
        "xxx",
        "abcd",
        "1234",
        "fake",
    ];
    let lower = secret.to_ascii_lowercase();
    let mut distinct: Vec<u8> = secret.bytes().take(LEAST_LENGTH * 2).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let mixed =
        secret.bytes().any(|b| b.is_ascii_lowercase()) && secret.bytes().any(|b| b.is_ascii_uppercase());
    (LEAST_LENGTH..=LEAST_LENGTH * 2).contains(&secret.len())
        && mixed
        && distinct.len() >= LEAST_DISTINCT
        && !MADE_UP.iter().any(|word| lower.contains(word))
}
