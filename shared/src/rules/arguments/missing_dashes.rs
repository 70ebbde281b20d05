//! INF079: an option without its dashes.

use serde_json::json;

use super::reaches_server;
use crate::catalog::FlagTable;
use crate::inspect::Word;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF079.
pub(crate) static RULE: Rule = Rule {
    id: "INF079",
    name: "missing-dashes",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "An option stands without its dashes, or with a space after them",
    needs: "vLLM's or SGLang's own parser, and a word `NAME=VALUE` whose name is an option of some version",
    rationale: "The server takes the word for its model or for nothing, says `unrecognized arguments` and exits.",
    fix: Some("writes `--NAME=VALUE`"),
    source: "docs.python.org/3/library/argparse.html, prefix_chars; shared/data/flags: the argument parsers of the \
             published versions",
    check: Check::Workload(check),
    examples: examples!("INF079"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(table) = facts.flags.filter(|_| reaches_server(facts.pod)) else { return Vec::new() };
    let words = facts.pod.arguments.positional.iter();
    words.filter_map(|word| Some(finding(word, meant(table, word)?))).collect()
}

/// `gpu-memory-utilization=0.85` of a word that lacks its dashes.
fn meant<'w>(table: &FlagTable, word: &'w Word) -> Option<&'w str> {
    let text = word.text.trim_start_matches('-').trim_start();
    let (name, _) = text.split_once('=')?;
    table.names.contains_key(&name.replace('_', "-")).then_some(text)
}

fn finding(word: &Word, meant: &str) -> Found {
    let what = format!("`{}` reaches the server as a plain word: an option is `--` and a name", word.text);
    let found = Found::new(word.at.clone(), what, format!("write `--{meant}`"));
    if word.in_script {
        return found;
    }
    found.with_fix(Fix {
        summary: format!("write --{meant}"),
        caution: Caution::Arguments,
        edits: vec![Edit::Set { at: word.at.clone(), value: json!(format!("--{meant}")) }],
    })
}
