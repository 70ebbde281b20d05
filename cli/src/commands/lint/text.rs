//! Findings for people.

use std::fmt::Write;

use infer_core::lint::Unplaced;
use infer_core::policy::Unfixed;
use infer_core::rules::Severity;

use super::problem::{FixNote, Problem, Report};
use crate::output::printable;

/// Longest reason that is shown of a rule; `rules show` has the whole.
const WHY_CHARACTERS: usize = 200;

/// Every problem with a blank line behind it, fixes that a person has to make, and a summary.
pub(super) fn render(report: &Report, is_colored: bool) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        self::problem(&mut text, problem, is_colored);
    }
    for unplaced in &report.unplaced {
        text.push_str(&self::unplaced(unplaced));
        text.push('\n');
    }
    text.push_str(&summary(report));
    text
}

// Writing to a string cannot fail.
fn problem(text: &mut String, problem: &Problem, is_colored: bool) {
    let (before, after) = match (is_colored, problem.severity) {
        (false, _) => ("", ""),
        (true, Severity::Error) => ("\u{1b}[1;31m", "\u{1b}[0m"),
        (true, Severity::Warning) => ("\u{1b}[1;33m", "\u{1b}[0m"),
        (true, Severity::Information) => ("\u{1b}[1;36m", "\u{1b}[0m"),
    };
    let (severity, check) = (problem.severity, problem.check);
    let _ = writeln!(
        text,
        "{before}{severity}[{}]{after} {}: {}",
        check.id(),
        check.name(),
        printable(&problem.what)
    );
    let _ = writeln!(text, "  --> {}", printable(&place(problem)));
    let _ = writeln!(text, "   = why: {}", shortened(problem.why));
    let _ = writeln!(text, "   = do: {}", printable(&problem.remedy));
    if let Some(fix) = &problem.fix {
        let _ = writeln!(text, "   = fix: {}{}", printable(&fix.summary), reservation(fix));
    }
    if let Some(policy) = &problem.policy {
        let does = if problem.refused { " refuses the object for it" } else { " decides on it" };
        let _ = writeln!(text, "   = policy: `{}`{does}", printable(policy));
    }
    text.push('\n');
}

fn place(problem: &Problem) -> String {
    let object = problem.object_name();
    match (&problem.place, object) {
        (Some((file, place)), Some(object)) => {
            format!("{file}:{}:{} ({object})", place.start.line, place.start.column)
        }
        (Some((file, place)), None) => format!("{file}:{}:{}", place.start.line, place.start.column),
        (None, object) => {
            let path = problem.path.as_deref().filter(|path| !path.is_empty());
            let at = path.map(|path| format!(" at {path}")).unwrap_or_default();
            object.unwrap_or_default() + &at
        }
    }
}

/// What has to be said beside what a fix does.
fn reservation(fix: &FixNote) -> &'static str {
    match fix.unfixed {
        None => " (`--fix` does it)",
        Some(Unfixed::NeedsMutate) => " (where a policy says `mutate`: it changes the command line)",
        Some(Unfixed::NeedsOverwrite) => " (where a policy says `overwrite`: it replaces what is written)",
        Some(Unfixed::Action) => " (the policy makes no fixes)",
        Some(Unfixed::Ignored | Unfixed::Removes | Unfixed::Impossible) => " (by hand)",
    }
}

/// A fix that has to be made by hand.
pub(super) fn unplaced(unplaced: &Unplaced) -> String {
    let rule = unplaced.judgement.finding.rule;
    let summary = unplaced.judgement.finding.fix.as_ref().map(|fix| fix.summary.as_str()).unwrap_or_default();
    let name = unplaced.object.name.as_deref().unwrap_or("(no name)");
    let mut text = format!(
        "{}: not placed in {} {name}: {} ({})\n",
        rule.id,
        unplaced.object.kind,
        printable(summary),
        unplaced.reason
    );
    text.extend(unplaced.diff.lines().map(|line| format!("    {line}\n")));
    text
}

fn summary(report: &Report) -> String {
    let mut text = String::new();
    if report.fixed > 0 {
        let _ = write!(text, "Fixed {}. ", counted(report.fixed, "problem"));
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let information = report.count(Severity::Information);
    if report.problems.is_empty() {
        text.push_str("No problems");
    } else {
        let counts = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
        let mut counts: Vec<_> = counts.map(|(count, name)| counted(count, name)).collect();
        if information > 0 {
            counts.push(format!("{information} for information"));
        }
        text.push_str(&counts.join(", "));
    }
    let _ = write!(text, " in {}", counted(report.inference, "inference object"));
    if report.inference < report.objects {
        let _ = write!(text, " of {}", report.objects);
    }
    if report.files > 0 {
        let _ = write!(text, ", {}", counted(report.files, "file"));
    }
    let fixable = report.fixable();
    if fixable > 0 {
        let _ = write!(text, "; `--fix` puts {fixable} right");
    }
    if report.ignored > 0 {
        let _ = write!(text, "; {} ignored by annotation", report.ignored);
    }
    text.push_str(".\n");
    text
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

fn shortened(why: &str) -> String {
    if why.chars().count() <= WHY_CHARACTERS {
        return why.to_owned();
    }
    // Whole sentences, the first at least.
    let mut end = why.find(". ").map_or(why.len(), |at| at + 1);
    while let Some(next) = why.get(end..).and_then(|rest| rest.find(". ")).map(|at| end + at + 1) {
        if next > WHY_CHARACTERS {
            break;
        }
        end = next;
    }
    why.get(..end).unwrap_or(why).to_owned()
}
