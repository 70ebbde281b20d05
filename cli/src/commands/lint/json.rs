//! Findings for programs.

use infer_core::policy::Unfixed;
use infer_core::rules::Severity;
use serde_json::{Value, json};

use super::problem::{Checked, Problem, Report};
use crate::failure::Failure;
use crate::output;

/// One JSON object; fields are only ever added to it.
pub(super) fn render(report: &Report) -> Result<String, Failure> {
    let not_placed = report.unplaced.iter().map(|unplaced| {
        json!({
            "rule": unplaced.judgement.finding.rule.id,
            "object": {
                "kind": unplaced.object.kind,
                "namespace": unplaced.object.namespace,
                "name": unplaced.object.name,
            },
            "reason": unplaced.reason.to_string(),
            "diff": unplaced.diff,
        })
    });
    output::json(&json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "LintReport",
        "findings": report.problems.iter().map(finding).collect::<Vec<_>>(),
        "notPlaced": not_placed.collect::<Vec<_>>(),
        "summary": {
            "files": report.files,
            "objects": report.objects,
            "inferenceObjects": report.inference,
            "errors": report.count(Severity::Error),
            "warnings": report.count(Severity::Warning),
            "information": report.count(Severity::Information),
            "ignored": report.ignored,
            "fixable": report.fixable(),
            "fixed": report.fixed,
        },
    }))
}

fn finding(problem: &Problem) -> Value {
    let group = match problem.check {
        Checked::Rule(rule) => rule.group.name(),
        Checked::Text(_) => "text",
    };
    let place = problem.place.as_ref().map(|(file, place)| {
        json!({
            "file": file,
            "line": place.start.line,
            "column": place.start.column,
            "endLine": place.end.line,
            "endColumn": place.end.column,
        })
    });
    let object = problem.object.as_ref().map(|object| {
        json!({"kind": object.kind, "namespace": object.namespace, "name": object.name, "path": problem.path})
    });
    let fix = problem.fix.as_ref().map(|fix| {
        json!({
            "summary": fix.summary,
            "safe": fix.unfixed.is_none(),
            "reason": fix.unfixed.map(Unfixed::name),
        })
    });
    json!({
        "rule": problem.check.id(),
        "name": problem.check.name(),
        "group": group,
        "severity": problem.severity.name(),
        "place": place,
        "object": object,
        "what": problem.what,
        "why": problem.why,
        "remedy": problem.remedy,
        "fix": fix,
        "policy": problem.policy,
        "refused": problem.refused,
    })
}
