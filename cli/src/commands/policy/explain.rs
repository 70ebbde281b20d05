//! `policy explain`: which policy decided what.

use infer_core::catalog::Catalog;
use infer_core::policy::{self, Action, Decision, Explanation, Found, Parameter};
use infer_core::rules;

use super::situation::{Object, Situation, called, is_silent};
use crate::arguments::ExplainPolicy;
use crate::failure::Failure;
use crate::output::{Outcome, printable};

/// `policy explain`.
pub(in crate::commands) fn explain(
    catalog: Catalog,
    namespace: Option<&str>,
    options: &ExplainPolicy,
) -> Result<Outcome, Failure> {
    let situation = Situation::read(catalog, namespace, &options.files)?;
    let rule = options.rule.as_deref().and_then(rules::find);
    let mut parts = Vec::new();
    for object in situation.objects() {
        match policy::explain(&object.request, rule, object.snapshot).map_err(Failure::user)? {
            Ok(explanation) => parts.push(text(&object, &explanation)),
            Err(skipped) if is_silent(skipped) => {}
            Err(skipped) => parts.push(format!("{}: not judged ({})\n", title(&object), skipped.name())),
        }
    }
    if parts.is_empty() {
        parts.push("No inference workload to explain.\n".to_owned());
    }
    Ok(situation.outcome(parts.join("\n"), 0))
}

fn title(object: &Object<'_>) -> String {
    format!("{} ({}:{})", printable(&called(&object.name())), printable(object.file()), object.line())
}

fn text(object: &Object<'_>, explanation: &Explanation) -> String {
    let mut text = title(object) + "\n";
    let mut say = |label: &str, words: &str| text.push_str(&line(2, label, words));
    match explanation.policies.as_slice() {
        [] => say("policies", "none selects it; safe fixes are made, the rest is a warning"),
        names => say("policies", &names.join(", ")),
    }
    for (name, error) in &explanation.unread {
        say("unread", &format!("policy {name}: {error}"));
    }
    for parameter in &explanation.parameters {
        say("parameter", &self::parameter(parameter));
    }
    for (name, conflict) in &explanation.conflicts {
        say("conflict", &format!("policy {name}: {conflict}"));
    }
    if !explanation.ignored.is_empty() {
        let reason = explanation.ignore_reason.as_deref().unwrap_or("no reason given");
        say("ignored", &format!("{} by annotation: {reason}", explanation.ignored.join(", ")));
    }
    if explanation.decisions.is_empty() {
        say("findings", "none");
    }
    text.extend(explanation.decisions.iter().map(decision));
    text
}

fn line(indent: usize, label: &str, words: &str) -> String {
    format!("{:indent$}{:<11}{}\n", "", format!("{label}:"), printable(words))
}

fn parameter(parameter: &Parameter) -> String {
    let Parameter { name, value, said } = parameter;
    let said: Vec<_> = match said.as_slice() {
        [(policy, _)] => vec![format!("policy {policy}")],
        several => several.iter().map(|(policy, value)| format!("policy {policy} says {value}")).collect(),
    };
    format!("{name} = {value} ({})", said.join(", "))
}

fn decision(decision: &Decision) -> String {
    let Decision { rule, stances, found } = decision;
    let mut text = format!("  {} {}\n", rule.id, rule.name);
    let mut say = |label: &str, words: &str| text.push_str(&line(4, label, words));
    if let Some(found) = found {
        let at = &found.finding.at;
        let place = if at.is_root() { String::new() } else { format!(", at {at}") };
        say("found", &format!("{}{place}", found.finding.what));
    } else {
        say("found", "nothing");
    }
    for stance in stances {
        let by = match stance.place {
            "rule" => "its entry for the rule",
            "limit" => "its limit",
            _ => "its entry for the group",
        };
        let exempted = stance.exempted.as_ref().map(|why| format!("; exempted: {why}")).unwrap_or_default();
        say("said", &format!("`{}` by policy {}, {by}{exempted}", stance.action, stance.policy));
    }
    if stances.is_empty() {
        say("said", "by no policy; the default holds");
    }
    let Some(found) = found else { return text };
    let by =
        found.ruling.policy.as_ref().map_or("the default".to_owned(), |policy| format!("policy {policy}"));
    say("action", &format!("`{}`, by {by}", found.ruling.action));
    if found.is_ignored {
        say("ignored", ignored(found));
    }
    say("becomes", &becomes(found));
    text
}

fn ignored(found: &Found) -> &'static str {
    match (found.ruling.action, found.ruling.allow_ignore) {
        (Action::Deny, false) => "by annotation, which does not count against `deny` without `allowIgnore`",
        _ => "by annotation",
    }
}

fn becomes(found: &Found) -> String {
    let consequence = found.consequence.map_or("nothing: the rule is off", |consequence| consequence.name());
    match found.unfixed {
        Some(reason) => format!("{consequence}; its fix is not made: {reason}"),
        None => consequence.to_owned(),
    }
}
