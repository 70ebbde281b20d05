//! What can be wrong with an inference workload, why, and how to put it right.
//!
//! A rule is one file and one line in its group's `RULES`. It looks at [`Facts`], reports [`Finding`]s, and where it is safe
//! brings a [`Fix`] along. What a finding leads to (nothing, a warning, the fix, a refusal) is the business of
//! [`crate::policy`]; what an object says is the business of [`crate::inspect`].

mod arguments;
pub(crate) mod autoscaling;
mod cache;
mod compilation;
mod examples;
mod facts;
mod finding;
mod fit;
mod fix;
#[cfg(test)]
mod fixtures;
mod life_cycle;
mod neighbours;
pub(crate) mod promise;
mod rule;
mod settings;
mod storage;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use examples::Examples;
pub use facts::{AutoscalerFacts, Background, Facts};
pub use finding::Finding;
pub use fix::{Caution, Edit, Fix, FixError, apply};
pub(crate) use fix::{Made, make};
pub use neighbours::{Neighbours, ObjectKey};
pub use promise::{NamespaceSum, namespace_sums};
pub use rule::{Check, Group, Rule, Scope, Severity};
pub use settings::{CacheMedium, Limits, MetricsApi, Settings, SharedXlaCache};

use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};

/// Every rule, by id.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let groups = [
        cache::RULES,
        storage::RULES,
        compilation::RULES,
        fit::RULES,
        arguments::RULES,
        life_cycle::RULES,
        autoscaling::RULES,
        promise::RULES,
    ];
    groups.into_iter().flatten().copied()
}

/// The rule with this id or name.
pub fn find(name: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id.eq_ignore_ascii_case(name) || rule.name == name)
}

/// What the rules find in `object`, in the order of [`rules`].
///
/// # Errors
///
/// The embedded catalog or an overlay cannot be read.
pub fn check(object: &Value, background: &Background<'_>) -> Result<Vec<Finding>, CatalogError> {
    ask(Questions::all(Scope::LintOnly), &inspect(object), background)
}

/// The findings about an autoscaler, and what is known of what it scales.
pub(crate) fn about_autoscaler<'a>(
    autoscaler: &'a crate::inspect::Autoscaler<'a>,
    target: Option<&'a Subject<'a>>,
    background: &'a Background<'a>,
) -> Result<(Vec<Finding>, AutoscalerFacts<'a>), CatalogError> {
    let facts = AutoscalerFacts::of(autoscaler, target, background)?;
    let mut findings = Vec::new();
    for rule in rules() {
        if let Check::Autoscaler(check) | Check::Both { autoscaler: check, .. } = rule.check {
            findings.extend(check(&facts).into_iter().map(|found| found.of(rule)));
        }
    }
    Ok((findings, facts))
}

/// Which rules are asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Questions {
    place: Scope,
    only_with_fixes: bool,
}

impl Questions {
    /// All rules of `place`: in files all there are, at admission none of those that are for files only and may take
    /// their time.
    pub(crate) fn all(place: Scope) -> Self {
        Self { place, only_with_fixes: false }
    }

    /// Those of them that have a fix: what is to be changed in an object, no other rule can tell.
    pub(crate) fn with_fixes(place: Scope) -> Self {
        Self { place, only_with_fixes: true }
    }

    fn include(self, rule: &Rule) -> bool {
        (self.place == Scope::LintOnly || rule.scope == self.place)
            && (!self.only_with_fixes || rule.fix.is_some())
    }
}

/// What the rules that are asked find in an object that has been inspected, in the order of [`rules`].
///
/// # Errors
///
/// The embedded catalog or an overlay cannot be read.
pub(crate) fn ask(
    questions: Questions,
    subject: &Subject<'_>,
    background: &Background<'_>,
) -> Result<Vec<Finding>, CatalogError> {
    let asked = || rules().filter(|rule| questions.include(rule));
    let mut findings = Vec::new();
    match subject {
        Subject::Unrelated => {}
        Subject::Workload(workload) => {
            for pod in &workload.pods {
                let facts = Facts::of(workload, pod, background)?;
                for rule in asked() {
                    if let Check::Workload(check) | Check::Both { workload: check, .. } = rule.check {
                        findings.extend(check(&facts).into_iter().map(|found| found.of(rule)));
                    }
                }
            }
        }
        Subject::Autoscaler(autoscaler) => {
            let target = background.neighbours.target_of(autoscaler);
            let target = target.map(inspect);
            let facts = AutoscalerFacts::of(autoscaler, target.as_ref(), background)?;
            for rule in asked() {
                if let Check::Autoscaler(check) | Check::Both { autoscaler: check, .. } = rule.check {
                    findings.extend(check(&facts).into_iter().map(|found| found.of(rule)));
                }
            }
        }
    }
    Ok(findings)
}
