//! All policies at one moment.

use std::sync::Arc;

use serde_json::Value;

use super::compiled::{Compiled, Written};
use super::conflict::conflicts;
use super::selector::Selector;
use super::{PolicyError, text};

/// All policies at one moment, ready for decisions: made once per change, asked at every request.
///
/// A policy that is broken keeps the last version that was accepted, as long as the program runs. One that never was
/// accepted is not passed over in silence: where its selectors can be read, what they select is refused if the policy
/// would refuse anything (it denies or limits), since nobody knows whether it would have been; otherwise the author
/// of what they select is warned. Where the selectors themselves cannot be read everybody is warned and nobody
/// refused: a misspelt selector must not lock every namespace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicySet {
    /// By name.
    pub(super) policies: Vec<Arc<Compiled>>,
    pub(super) broken: Vec<Broken>,
    reports: Vec<PolicyReport>,
}

/// A policy that never was accepted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Broken {
    pub(super) name: Arc<str>,
    pub(super) error: String,
    /// Of namespaces and workloads, where they can be read.
    pub(super) selectors: Option<(Selector, Selector)>,
    pub(super) enforces: bool,
}

/// What became of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReport {
    /// Its name.
    pub name: String,
    /// Its generation as read.
    pub generation: Option<i64>,
    /// Generation that is in force; `None` where no version of it is, or a file has none.
    pub in_force: Option<i64>,
    /// What is wrong with it; empty where it is accepted.
    pub errors: Vec<PolicyError>,
    /// Where another policy says otherwise, and which holds.
    pub conflicts: Vec<String>,
}

impl PolicySet {
    /// Compiles `objects`, InferencePolicies as the API server or files have them, in any order. `previous` is the
    /// set before, whose versions broken policies keep.
    pub fn compile<'a>(objects: impl IntoIterator<Item = &'a Value>, previous: &Self) -> Self {
        let mut written: Vec<_> = objects.into_iter().map(Written::of).collect();
        written.sort_by(|a, b| a.name.cmp(&b.name));
        let mut set = Self::default();
        for written in written {
            let mut report = PolicyReport {
                name: written.name.to_string(),
                generation: written.generation,
                in_force: None,
                errors: Vec::new(),
                conflicts: Vec::new(),
            };
            let is_second = set.reports.last().is_some_and(|last| last.name == report.name);
            match Compiled::of(&written) {
                Ok(_) if is_second => {
                    let field = "metadata.name".to_owned();
                    let reason = format!("another policy is called `{}`; names are unique", report.name);
                    set.keep_going(
                        &written,
                        previous,
                        &mut report,
                        vec![PolicyError::Contradiction { field, reason }],
                    );
                }
                Ok(compiled) => {
                    report.in_force = compiled.generation;
                    set.policies.push(Arc::new(compiled));
                }
                Err(errors) => set.keep_going(&written, previous, &mut report, errors),
            }
            set.reports.push(report);
        }
        for report in &mut set.reports {
            report.conflicts = conflicts(&report.name, &set.policies);
        }
        set
    }

    /// Keeps the last accepted version of a broken policy, or notes that there is none.
    fn keep_going(
        &mut self,
        written: &Written,
        previous: &Self,
        report: &mut PolicyReport,
        errors: Vec<PolicyError>,
    ) {
        let is_known = self.policies.iter().any(|policy| policy.name == written.name);
        let last = previous.policies.iter().find(|policy| policy.name == written.name).filter(|_| !is_known);
        match last {
            Some(last) => {
                report.in_force = last.generation;
                self.policies.push(Arc::clone(last));
            }
            None => {
                let error: Vec<_> = errors.iter().map(ToString::to_string).collect();
                self.broken.push(Broken {
                    name: Arc::clone(&written.name),
                    error: text::printable(&error.join("; ")),
                    selectors: written.selectors(),
                    enforces: written.enforces(),
                });
            }
        }
        report.errors = errors;
    }

    /// What became of each policy, by name.
    pub fn reports(&self) -> &[PolicyReport] {
        &self.reports
    }

    /// Number of policies in force.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether no policy is in force.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}
