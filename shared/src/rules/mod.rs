//! What can be wrong with an inference workload, why, and how to put it right.
//!
//! A rule is one file and one line in [`RULES`]. It looks at [`Facts`], reports [`Finding`]s, and where it is safe
//! brings a [`Fix`] along. What a finding leads to (nothing, a warning, the fix, a refusal) is the business of
//! [`crate::policy`]; what an object says is the business of [`crate::inspect`].

mod cache;
mod examples;
mod facts;
mod finding;
mod fix;
mod neighbours;
mod rule;
mod settings;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use examples::Examples;
pub use facts::{AutoscalerFacts, Background, Facts};
pub use finding::Finding;
pub use fix::{Caution, Edit, Fix, FixError, apply};
pub use neighbours::{Neighbours, ObjectKey};
pub use rule::{Check, Group, Rule, Scope, Severity};
pub use settings::Settings;

use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};

/// Every rule, by id.
pub static RULES: [&Rule; 1] = [&cache::hub_cache_on_disk::RULE];

/// The rule with this id or name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id.eq_ignore_ascii_case(name) || rule.name == name)
}

/// What the rules find in `object`, in the order of [`RULES`].
///
/// # Errors
///
/// The embedded catalog or an overlay cannot be read.
pub fn check(object: &Value, background: &Background<'_>) -> Result<Vec<Finding>, CatalogError> {
    let mut findings = Vec::new();
    match inspect(object) {
        Subject::Unrelated => {}
        Subject::Workload(workload) => {
            for pod in &workload.pods {
                let facts = Facts::of(&workload, pod, background)?;
                for rule in RULES {
                    if let Check::Workload(check) = rule.check {
                        findings.extend(check(&facts).into_iter().map(|found| found.of(rule)));
                    }
                }
            }
        }
        Subject::Autoscaler(autoscaler) => {
            let target = background.neighbours.target_of(&autoscaler);
            let target = target.map(inspect);
            let facts = AutoscalerFacts::of(&autoscaler, target.as_ref(), background)?;
            for rule in RULES {
                if let Check::Autoscaler(check) = rule.check {
                    findings.extend(check(&facts).into_iter().map(|found| found.of(rule)));
                }
            }
        }
    }
    Ok(findings)
}
