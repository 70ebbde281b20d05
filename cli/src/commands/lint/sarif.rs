//! SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), as code scanning takes it.

use std::fmt::Write;

use infer_core::rules::{Severity, rules};
use serde_json::{Value, json};

use super::problem::{Checked, Problem, Report, TROUBLES};
use crate::failure::Failure;
use crate::output;

const HOME: &str = "https://github.com/kubectl-infer/kubectl-infer";

/// One run with every rule, those that found nothing too.
pub(super) fn render(report: &Report) -> Result<String, Failure> {
    let checks: Vec<_> = rules().map(Checked::Rule).chain(TROUBLES.into_iter().map(Checked::Text)).collect();
    let results: Vec<_> = report.problems.iter().map(|problem| result(problem, &checks)).collect();
    output::json(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl-infer",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": HOME,
                "rules": checks.iter().map(|check| rule(*check)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn rule(check: Checked) -> Value {
    let (tags, fix) = match check {
        Checked::Rule(rule) => (vec!["kubernetes", "inference", rule.group.name()], rule.fix),
        Checked::Text(_) => (vec!["kubernetes"], None),
    };
    let mut help = format!("{}.\n\n{}", check.summary(), check.why());
    if let Some(fix) = fix {
        // Writing to a string cannot fail.
        let _ = write!(help, "\n\nFix: {fix}.");
    }
    json!({
        "id": check.id(),
        "name": check.name(),
        "shortDescription": {"text": check.summary()},
        "fullDescription": {"text": check.why()},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level(check.severity())},
        "properties": {"tags": tags},
    })
}

fn result(problem: &Problem, checks: &[Checked]) -> Value {
    let mut location = json!({});
    if let Some((file, place)) = &problem.place {
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(file)},
            "region": {
                "startLine": place.start.line,
                "startColumn": place.start.column,
                "endLine": place.end.line,
                "endColumn": place.end.column,
            },
        });
    }
    if let Some(object) = problem.object_name() {
        let path = problem.path.as_deref().unwrap_or_default();
        let name = format!("{object}{path}");
        location["logicalLocations"] = json!([{"fullyQualifiedName": name, "kind": "object"}]);
    }
    json!({
        "ruleId": problem.check.id(),
        "ruleIndex": checks.iter().position(|check| *check == problem.check),
        "level": level(problem.severity),
        "message": {"text": format!("{}; {}.", problem.what, problem.remedy)},
        "locations": [location],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "note",
    }
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(byte.into())
            }
            b'\\' => uri.push('/'),
            // Writing to a string cannot fail.
            byte => drop(write!(uri, "%{byte:02X}")),
        }
        uri
    })
}
