//! `rules list` and `rules show`: what the rules are.

use infer_core::recommend::{Column, ColumnKind, Row, Value};
use infer_core::rules::{Limits, MetricsApi, Rule, Scope, Settings, find, rules};
use serde_json::{Map, json};

use crate::arguments::{DocumentFormat, Format, ListRules, ShowRule};
use crate::failure::Failure;
use crate::output::{Item, Listing, Outcome, json, yaml};
use crate::select::select;

/// A rule as a row.
struct Listed(&'static Rule);

const TEXT: ColumnKind = ColumnKind::Text;

const COLUMNS: &[Column<Listed>] = &[
    Column::new("id", "Id", TEXT, |row| Value::of(row.0.id)),
    Column::new("name", "Name", TEXT, |row| Value::of(row.0.name)),
    Column::new("group", "Group", TEXT, |row| Value::of(row.0.group.name())),
    Column::new("severity", "Severity", TEXT, |row| Value::of(row.0.severity.name())),
    Column::new("scope", "Scope", TEXT, |row| Value::of(scope(row.0))),
    Column::new("fixes", "Fixes", TEXT, |row| Value::of(if row.0.fix.is_some() { "yes" } else { "no" })),
    Column::new("summary", "Summary", TEXT, |row| Value::of(row.0.summary)),
    Column::new("needs", "Needs", TEXT, |row| Value::of(row.0.needs)),
    Column::new("source", "Source", TEXT, |row| Value::of(row.0.source)),
];

/// Columns of a table that is not wide.
const SHOWN: &[&str] = &["id", "name", "group", "severity", "fixes", "summary"];

impl Row for Listed {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

/// `rules list`.
pub(super) fn list(options: &ListRules) -> Result<Outcome, Failure> {
    let rows = select(rules().map(Listed).collect(), &options.list)?;
    let item = |row: &Listed| Item { name: row.0.id.to_owned(), document: document(row.0) };
    let listing = Listing {
        kind: "RuleList",
        rows: &rows,
        shown: SHOWN,
        csv: None,
        items: &|rows| Box::new(rows.iter().map(item)),
        notes: Vec::new(),
    };
    listing.outcome(&options.list, Format::Table)
}

/// `rules show`.
pub(super) fn show(options: &ShowRule) -> Result<Outcome, Failure> {
    let rule = find(&options.id).ok_or_else(|| {
        let failure = Failure::user(anyhow::anyhow!("no rule is called `{}`", options.id));
        failure.hint("`kubectl infer rules list` prints the rules")
    })?;
    Ok(Outcome::print(match options.output {
        Some(DocumentFormat::Json) => json(&document(rule))?,
        Some(DocumentFormat::Yaml) => yaml(&document(rule))?,
        None => text(rule),
    }))
}

fn document(rule: &Rule) -> serde_json::Value {
    let mut examples = Map::new();
    if let Some(policy) = policy(rule) {
        examples.insert("policy".to_owned(), json!(policy));
    }
    examples.insert("trips".to_owned(), json!(rule.examples.trips));
    examples.insert("passes".to_owned(), json!(rule.examples.passes));
    let mut fields = Map::new();
    let texts = [
        ("id", Some(rule.id)),
        ("name", Some(rule.name)),
        ("group", Some(rule.group.name())),
        ("severity", Some(rule.severity.name())),
        ("scope", Some(scope(rule))),
        ("summary", Some(rule.summary)),
        ("needs", Some(rule.needs)),
        ("why", Some(rule.rationale)),
        ("fix", rule.fix),
        ("source", Some(rule.source)),
    ];
    fields.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text?)))));
    fields.insert("examples".to_owned(), serde_json::Value::Object(examples));
    serde_json::Value::Object(fields)
}

fn text(rule: &Rule) -> String {
    let scope = match rule.scope {
        Scope::Everywhere => "",
        Scope::LintOnly => ", in files only",
    };
    let mut text = format!("{} {} ({}, {}{scope})\n\n", rule.id, rule.name, rule.group.name(), rule.severity);
    let mut say = |label: &str, words: &str| text.push_str(&format!("{label:<9}{}\n", folded(words, 9)));
    say("Finds:", rule.summary);
    say("Needs:", rule.needs);
    say("Why:", rule.rationale);
    say("Fix:", rule.fix.unwrap_or("none: it is for the author to decide"));
    say("Source:", rule.source);
    if let Some(policy) = policy(rule) {
        say("Policy:", &format!("the examples are judged with {policy}"));
    }
    for (title, example) in [("Found in", rule.examples.trips), ("Not found in", rule.examples.passes)] {
        text.push_str(&format!("\n{title}:\n"));
        text.extend(example.lines().map(|line| format!("{}\n", format!("    {line}").trim_end())));
    }
    text
}

/// Words in lines of at most 100 letters, all but the first indented.
fn folded(words: &str, indent: usize) -> String {
    const WIDTH: usize = 100;
    let mut folded = String::new();
    let mut used = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if used > indent && used + 1 + length > WIDTH {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += length;
    }
    folded
}

const fn scope(rule: &Rule) -> &'static str {
    match rule.scope {
        Scope::Everywhere => "everywhere",
        Scope::LintOnly => "files",
    }
}

/// What the policy says that the examples are judged with, in words; `None` where they need none.
fn policy(rule: &Rule) -> Option<String> {
    let settings = (rule.examples.settings)();
    let default = Settings::default();
    let mut said = Vec::new();
    if settings.metrics_api == Some(MetricsApi::Stackdriver) {
        said.push("the Stackdriver adapter as metrics API".to_owned());
    }
    if settings.shared_xla_cache != default.shared_xla_cache {
        said.push("shared XLA caches to be removed".to_owned());
    }
    if let Some(version) = &settings.gke_version {
        said.push(format!("GKE {version}"));
    }
    let Limits { accelerators, usd_per_hour, replicas, regions } = &settings.limits;
    let joined =
        |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    said.extend(accelerators.as_ref().map(|names| format!("accelerators {}", joined(names))));
    said.extend(usd_per_hour.map(|usd| format!("${usd:.2} an hour")));
    said.extend(replicas.map(|replicas| format!("{replicas} replicas")));
    said.extend(regions.as_ref().map(|names| format!("regions {}", joined(names))));
    match said.is_empty() {
        true if settings == default => None,
        true => Some("a policy of its own".to_owned()),
        false => Some(format!("a policy of {}", said.join("; "))),
    }
}
