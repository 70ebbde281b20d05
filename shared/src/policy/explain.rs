//! Which policy decided what about an object, and what the others said.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::annotation::Author;
use super::case::{Case, Standards};
use super::compiled::Compiled;
use super::mend::mend;
use super::{Action, Consequence, InForce, Judgement, PolicyReport, Request, Ruling, Skipped, Snapshot};
use crate::catalog::CatalogError;
use crate::rules::{Finding, Limits, Questions, Rule, Scope};

/// Which policies hold for an object, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Policies that select the object, by name.
    pub policies: Vec<String>,
    /// Policies that cannot be read and may select it, each with what is wrong.
    pub unread: Vec<(String, String)>,
    /// Limits and defaults that a policy sets.
    pub parameters: Vec<Parameter>,
    /// Where the policies that select it contradict each other, each with the policy that yields.
    pub conflicts: Vec<(String, String)>,
    /// Rules that the author ignores, by id.
    pub ignored: Vec<&'static str>,
    /// Why the author ignores them.
    pub ignore_reason: Option<String>,
    /// Each finding, or each rule asked for.
    pub decisions: Vec<Decision>,
}

/// A limit or default, and who sets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Field of the policy: `limits.replicas`.
    pub name: String,
    /// What holds.
    pub value: Value,
    /// What each policy that sets it says, by name.
    pub said: Vec<(String, Value)>,
}

/// What is said and done about a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The rule.
    pub rule: &'static Rule,
    /// What each policy says that names it.
    pub stances: Vec<Stance>,
    /// What was found, where something was.
    pub found: Option<Found>,
}

/// What one policy says about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stance {
    /// The policy.
    pub policy: String,
    /// What it says, before exemptions.
    pub action: Action,
    /// Where it says so: an entry of the rule, a limit, or an entry of the rule's group.
    pub place: &'static str,
    /// Why it only records what is found, where the object is exempted.
    pub exempted: Option<String>,
}

/// A finding and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The finding.
    pub finding: Finding,
    /// What the policies come to.
    pub ruling: Ruling,
    /// Whether the author ignores the rule.
    pub is_ignored: bool,
    /// What becomes of it; `None` where the rule is off.
    pub consequence: Option<Consequence>,
    /// Why its fix is not made, as [`super::annotation::NOT_APPLIED`] has it.
    pub unfixed: Option<&'static str>,
}

/// Says who decides what about the object of `request` at its creation; of `rule` only, where one is named.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn explain(
    request: &Request<'_>,
    rule: Option<&'static Rule>,
    snapshot: &Snapshot,
) -> Result<Result<Explanation, Skipped>, CatalogError> {
    let case = match Case::of(request, snapshot) {
        Ok(case) => case,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut findings = case.findings(Questions::all(Scope::Everywhere))?;
    let Standards { author, in_force, .. } = &case.standards;
    let judgements = findings.iter().cloned().filter_map(|finding| Judgement::of(finding, in_force, author));
    let object = Cow::Borrowed(case.object);
    let fixed = mend(Scope::Everywhere, object, judgements.collect(), &case.standards)?.fixed;
    // What was only found after another fix.
    let later: Vec<_> = fixed.iter().map(|judgement| &judgement.finding).collect();
    let later: Vec<_> = later.into_iter().filter(|finding| !findings.contains(finding)).cloned().collect();
    findings.extend(later);
    findings.retain(|finding| rule.is_none_or(|rule| finding.rule == rule));
    let mut decisions: Vec<_> = (findings.into_iter())
        .map(|finding| Decision {
            rule: finding.rule,
            stances: in_force.stances(finding.rule),
            found: Some(Found::of(finding, in_force, author, &fixed)),
        })
        .collect();
    if let Some(rule) = rule.filter(|_| decisions.is_empty()) {
        decisions.push(Decision { rule, stances: in_force.stances(rule), found: None });
    }
    let policies: Vec<_> = in_force.policies().map(str::to_owned).collect();
    Ok(Ok(Explanation {
        unread: in_force
            .broken()
            .iter()
            .map(|broken| (broken.name.to_string(), broken.error.clone()))
            .collect(),
        parameters: parameters(in_force),
        conflicts: conflicts(&policies, snapshot.policies.reports()),
        policies,
        ignored: author.ignored(),
        ignore_reason: author.reason.clone(),
        decisions,
    }))
}

impl Found {
    fn of(finding: Finding, in_force: &InForce<'_>, author: &Author, fixed: &[Judgement]) -> Self {
        let ruling = in_force.ruling(&finding);
        let is_ignored = author.ignores(finding.rule);
        let is_fixed = fixed.iter().any(|judgement| judgement.finding == finding);
        let judgement = Judgement::of(finding.clone(), in_force, author);
        let consequence = judgement.as_ref().map(|judgement| match is_fixed {
            true => Consequence::Fixed,
            false => judgement.consequence,
        });
        let unfixed = judgement.and_then(|judgement| judgement.unfixed).filter(|_| !is_fixed);
        Self { finding, ruling, is_ignored, consequence, unfixed: unfixed.map(super::Unfixed::name) }
    }
}

fn conflicts(policies: &[String], reports: &[PolicyReport]) -> Vec<(String, String)> {
    let selecting = reports.iter().filter(|report| policies.contains(&report.name));
    let conflicts = selecting.flat_map(|report| report.conflicts.iter().map(|said| (&report.name, said)));
    conflicts.map(|(name, said)| (name.clone(), said.clone())).collect()
}

/// Every limit and default that one of the policies sets, in the order of the fields.
fn parameters(in_force: &InForce<'_>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let holds = limits(&in_force.settings().limits);
    for policy in in_force.compiled() {
        for (name, value) in set_by(policy) {
            let said = (policy.name.to_string(), value.clone());
            match parameters.iter_mut().find(|parameter| parameter.name == name) {
                Some(parameter) => parameter.said.push(said),
                None => {
                    // Limits are merged; of defaults the first holds.
                    let merged = holds.iter().find(|(limit, _)| *limit == name);
                    let value = merged.map_or(value, |(_, merged)| merged.clone());
                    parameters.push(Parameter { name, value, said: vec![said] });
                }
            }
        }
    }
    parameters
}

fn set_by(policy: &Compiled) -> Vec<(String, Value)> {
    let mut set = limits(&policy.limits);
    // Plain data always becomes JSON.
    let defaults = serde_json::to_value(&policy.defaults).unwrap_or_default();
    let defaults = defaults.as_object().into_iter().flatten();
    set.extend(defaults.map(|(name, value)| (format!("defaults.{name}"), value.clone())));
    set
}

fn limits(limits: &Limits) -> Vec<(String, Value)> {
    let Limits { accelerators, usd_per_hour, replicas, regions } = limits;
    let set = [
        ("limits.accelerators", accelerators.as_ref().map(|names| json!(names))),
        ("limits.usdPerHour", usd_per_hour.map(|usd| json!(usd))),
        ("limits.replicas", replicas.map(|replicas| json!(replicas))),
        ("limits.regions", regions.as_ref().map(|names| json!(names))),
    ];
    set.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
