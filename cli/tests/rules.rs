//! The rules as people read them: `rules list`, `rules show`, and the page `docs/rules.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use program::{infer, repository};
use serde_json::Value;

/// All rules as `rules list -o json` has them.
fn rules() -> Vec<Value> {
    let list = infer(&["rules", "list", "-o", "json"]).succeeded();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["kind"], "RuleList");
    list["items"].as_array().unwrap().clone()
}

fn field<'a>(rule: &'a Value, name: &str) -> &'a str {
    rule[name].as_str().unwrap()
}

const INTRODUCTION: &str = "# Rules

What `kubectl infer lint` says of files and the admission webhook of objects. Both are the same engine: what one says,
the other says, but for the rules that are marked \"files only\", which need to know what the author wrote or the other
documents beside it.

An *error* does not work, a *warning* costs speed, money or robustness, *information* is worth knowing. A rule that
lacks something it needs stays silent. A fix is made without a policy only where it adds what is missing; what would
change arguments or overwrite the author's words is reported, unless a policy says otherwise. The annotation
`kubectl-infer.io/ignore: INF001,INF020` switches rules off for one object.

Made by `UPDATE_DOCS=1 cargo test -p kubectl-infer --test rules`.
";

/// The page that the rules make.
fn page() -> String {
    let rules = rules();
    let mut text =
        format!("{INTRODUCTION}\n| Rule | Name | Severity | Fix | Finds |\n|---|---|---|---|---|\n");
    for rule in &rules {
        let fix = if rule["fix"].is_string() { "yes" } else { "" };
        let [id, name, severity, summary] =
            ["id", "name", "severity", "summary"].map(|name| field(rule, name));
        text.push_str(&format!(
            "| [{id}](#{}) | {name} | {severity} | {fix} | {summary} |\n",
            id.to_lowercase()
        ));
    }
    let mut group = "";
    for rule in &rules {
        if field(rule, "group") != group {
            group = field(rule, "group");
            text.push_str(&format!("\n## Group `{group}`\n"));
        }
        text.push_str(&section(rule));
    }
    text
}

fn section(rule: &Value) -> String {
    let [id, name, severity] = ["id", "name", "severity"].map(|name| field(rule, name));
    let scope = if field(rule, "scope") == "files" { ", files only" } else { "" };
    let mut text = format!("\n### {id}\n\n`{name}` ({severity}{scope}): {}.\n\n", field(rule, "summary"));
    let mut point = |label: &str, words: &str| text.push_str(&format!("* **{label}** {words}\n"));
    point("Needs", field(rule, "needs"));
    point("Why", field(rule, "why"));
    if let Some(fix) = rule["fix"].as_str() {
        point("Fix", fix);
    }
    point("Source", field(rule, "source"));
    if let Some(policy) = rule["examples"]["policy"].as_str() {
        point("Examples", &format!("judged with {policy}"));
    }
    for (title, name) in [("Found in", "trips"), ("Not found in", "passes")] {
        let example = rule["examples"][name].as_str().unwrap().trim_end();
        text.push_str(&format!("\n<details><summary>{title}</summary>\n\n```yaml\n# {id}-{name}.yaml\n{example}\n```\n\n</details>\n"));
    }
    text
}

#[test]
fn the_page_is_what_the_rules_say() {
    let path = repository("docs/rules.md");
    let now = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == now, "docs/rules.md is not what the rules say: see its first section");
}

#[test]
fn a_rule_is_shown_by_id_in_any_case_and_by_name() {
    let by_id = infer(&["rules", "show", "INF100"]).succeeded();
    assert_eq!(infer(&["rules", "show", "inf100"]).succeeded(), by_id);
    assert_eq!(infer(&["rules", "show", "resource-signal"]).succeeded(), by_id);
    for words in ["INF100 resource-signal (autoscaling, warning)", "Why:", "Found in:", "name: cpu"] {
        assert!(by_id.contains(words), "{words} in\n{by_id}");
    }
}

#[test]
fn every_rule_is_listed_once_under_its_id() {
    let names = infer(&["rules", "list", "-o", "name"]).succeeded();
    let ids: Vec<String> = rules().iter().map(|rule| field(rule, "id").to_owned()).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), ids);
    let filtered = infer(&["rules", "list", "--filter", "group=promise", "-o", "name"]).succeeded();
    assert!(filtered.lines().count() > 3 && filtered.lines().all(|id| id.starts_with("INF1")), "{filtered}");
}

#[test]
fn an_unknown_rule_is_refused_with_one_that_is_like_it() {
    let run = infer(&["rules", "show", "resource-signals"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("resource-signal") || run.stderr.contains("INF100"), "{}", run.stderr);
}

#[test]
fn ids_are_completed_with_what_they_find() {
    let answer = infer(&["__complete", "rules", "show", "INF10"]).succeeded();
    assert!(answer.lines().any(|line| line.starts_with("INF100\t")), "{answer}");
    assert!(answer.ends_with(":4\n"));
}
