//! Annotations of GitHub Actions
//! (docs.github.com/actions/reference/workflows-and-actions/workflow-commands).

use infer_core::rules::Severity;

use super::problem::{Problem, Report};

/// One line a problem.
pub(super) fn render(report: &Report) -> String {
    report.problems.iter().map(annotation).collect()
}

fn annotation(problem: &Problem) -> String {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "notice",
    };
    let mut properties = Vec::new();
    if let Some((file, place)) = &problem.place {
        properties.push(format!("file={}", property(file)));
        properties.push(format!("line={},endLine={}", place.start.line, place.end.line));
        // Columns are those of one line.
        if place.start.line == place.end.line {
            properties.push(format!("col={},endColumn={}", place.start.column, place.end.column));
        }
    }
    properties
        .push(format!("title={}", property(&format!("{} {}", problem.check.id(), problem.check.name()))));
    let object = problem.object_name().map(|object| format!("{object}: ")).unwrap_or_default();
    let message = format!("{object}{}; {}", problem.what, problem.remedy);
    format!("::{level} {}::{}\n", properties.join(","), data(&message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
