//! `policy check`: what admission would do.

use infer_core::catalog::Catalog;
use infer_core::policy::{Consequence, Judgement, Outcome as Answer, Rehearsal};
use infer_core::rules::NamespaceSum;
use serde_json::{Value, json};

use super::situation::{Object, Situation, called, sums};
use crate::arguments::{CheckPolicy, DocumentFormat};
use crate::failure::Failure;
use crate::output::{Outcome, aligned, json as json_text, yaml};

type Rehearsals<'a> = [(Object<'a>, Rehearsal)];

/// `policy check`: status 1 where something would be refused.
pub(in crate::commands) fn check(
    catalog: Catalog,
    namespace: Option<&str>,
    options: &CheckPolicy,
) -> Result<Outcome, Failure> {
    let situation = Situation::read(catalog, namespace, &options.files)?;
    let rehearsals = situation.rehearsals()?;
    let sums: Vec<_> = sums(&rehearsals)?.into_iter().collect();
    let text = match options.output {
        Some(DocumentFormat::Json) => json_text(&document(&situation, &rehearsals, &sums))?,
        Some(DocumentFormat::Yaml) => yaml(&document(&situation, &rehearsals, &sums))?,
        None => text(&situation, &rehearsals, &sums),
    };
    let refused = rehearsals.iter().any(|(_, rehearsal)| !rehearsal.validation.is_allowed());
    Ok(situation.outcome(text, u8::from(refused)))
}

/// What becomes of an object, in one word.
fn answer(rehearsal: &Rehearsal) -> &'static str {
    let has_warnings = !rehearsal.validation.warnings.is_empty() || !rehearsal.mutation.warnings.is_empty();
    match rehearsal.mutation.outcome {
        _ if !rehearsal.validation.is_allowed() => "refused",
        Answer::Patched => "changed",
        _ if has_warnings => "warned",
        _ => "admitted",
    }
}

/// What was fixed, then what is left in the changed object.
fn judgements(rehearsal: &Rehearsal) -> impl Iterator<Item = &Judgement> {
    let is_fixed = |judgement: &&Judgement| judgement.consequence == Consequence::Fixed;
    rehearsal.mutation.judgements.iter().filter(is_fixed).chain(&rehearsal.validation.judgements)
}

fn document(
    situation: &Situation<'_>,
    rehearsals: &Rehearsals<'_>,
    sums: &[(String, NamespaceSum)],
) -> Value {
    let sums = sums.iter().map(|(namespace, sum)| {
        json!({
            "namespace": namespace,
            "workloads": sum.workloads,
            "usdPerHour": sum.usd_per_hour,
            "withoutPrice": sum.without_price,
            "accelerators": sum.accelerators,
        })
    });
    json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "PolicyCheck",
        "objects": rehearsals.iter().map(object_document).collect::<Vec<_>>(),
        "namespaces": sums.collect::<Vec<_>>(),
        "problems": situation.problems,
    })
}

fn object_document((object, rehearsal): &(Object<'_>, Rehearsal)) -> Value {
    let name = object.name();
    json!({
        "file": object.file(),
        "line": object.line(),
        "object": {"kind": name.kind, "namespace": name.namespace, "name": name.name},
        "answer": answer(rehearsal),
        "findings": judgements(rehearsal).map(finding).collect::<Vec<_>>(),
        "denial": rehearsal.validation.denial,
        "warnings": rehearsal.mutation.warnings.iter().chain(&rehearsal.validation.warnings).collect::<Vec<_>>(),
        "patch": rehearsal.mutation.patch,
    })
}

fn finding(judgement: &Judgement) -> Value {
    let (finding, ruling) = (&judgement.finding, &judgement.ruling);
    let said =
        ruling.said.iter().map(|(policy, action)| json!({"policy": &**policy, "action": action.name()}));
    json!({
        "rule": finding.rule.id,
        "name": finding.rule.name,
        "path": finding.at.to_string(),
        "what": finding.what,
        "remedy": finding.remedy,
        "consequence": judgement.consequence.name(),
        "action": ruling.action.name(),
        "policy": ruling.policy.as_deref(),
        "policies": said.collect::<Vec<_>>(),
        "exempted": ruling.exempted,
        "notFixed": judgement.unfixed.map(infer_core::policy::Unfixed::name),
    })
}

fn text(situation: &Situation<'_>, rehearsals: &Rehearsals<'_>, sums: &[(String, NamespaceSum)]) -> String {
    let mut text = String::new();
    if !rehearsals.is_empty() {
        let rows: Vec<_> = rehearsals.iter().flat_map(rows).collect();
        text.push_str(&aligned(&["Object", "Answer", "Becomes", "Rule", "Decided by", "Finding"], &rows));
        text.push('\n');
    }
    if !sums.is_empty() {
        let titles = ["Namespace", "Admitted workloads", "USD an hour", "Accelerators", "Without a price"];
        text.push_str(&aligned(&titles, &sums.iter().map(sum).collect::<Vec<_>>()));
        text.push('\n');
    }
    let counted = |word| match rehearsals.iter().filter(|(_, rehearsal)| answer(rehearsal) == word).count() {
        0 => None,
        count => Some(format!("{count} {word}")),
    };
    let counts: Vec<_> =
        ["refused", "changed", "warned", "admitted"].into_iter().filter_map(counted).collect();
    let policies = situation.policies().count();
    let policies = format!("{policies} {}", if policies == 1 { "policy" } else { "policies" });
    match counts.is_empty() {
        true => text.push_str(&format!("No inference workload to judge under {policies}.\n")),
        false => text.push_str(&format!("Under {policies}: {}.\n", counts.join(", "))),
    }
    text
}

/// A line for each finding, the object on the first; refusals of broken policies, which no rule makes, below.
fn rows((object, rehearsal): &(Object<'_>, Rehearsal)) -> Vec<Vec<String>> {
    let found = judgements(rehearsal).map(|judgement| {
        let finding = &judgement.finding;
        [
            judgement.consequence.name().to_owned(),
            format!("{} {}", finding.rule.id, finding.rule.name),
            judgement.decided_by(),
            finding.what.clone(),
        ]
    });
    let mut found: Vec<_> = found.collect();
    let is_denied = |judgement: &Judgement| judgement.consequence == Consequence::Denied;
    if !rehearsal.validation.judgements.iter().any(is_denied)
        && let Some(denial) = &rehearsal.validation.denial
    {
        found.push(["denied".to_owned(), String::new(), String::new(), denial.clone()]);
    }
    let first = [called(&object.name()), answer(rehearsal).to_owned()];
    if found.is_empty() {
        return vec![first.to_vec()];
    }
    let mut heads = std::iter::once(first).chain(std::iter::repeat_with(Default::default));
    found.into_iter().map(|cells| heads.next().into_iter().flatten().chain(cells).collect()).collect()
}

fn sum((namespace, sum): &(String, NamespaceSum)) -> Vec<String> {
    let accelerators: Vec<_> =
        sum.accelerators.iter().map(|(name, count)| format!("{count} {name}")).collect();
    vec![
        if namespace.is_empty() { "(none named)".to_owned() } else { namespace.clone() },
        sum.workloads.to_string(),
        format!("{:.2}", sum.usd_per_hour),
        accelerators.join(", "),
        sum.without_price.join(", "),
    ]
}
