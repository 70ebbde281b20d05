//! What a rule reports.

use super::{Fix, Rule, Severity};
use crate::inspect::PointerBuf;

/// What a check reports, before it is known which rule's it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    at: PointerBuf,
    what: String,
    remedy: String,
    severity: Option<Severity>,
    fix: Option<Fix>,
}

impl Found {
    /// `what` is wrong at `at`, with its numbers, and `remedy` puts it right; one sentence each, without a final
    /// full stop.
    pub(super) fn new(at: PointerBuf, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at, what: what.into(), remedy: remedy.into(), severity: None, fix: None }
    }

    /// With another severity than the rule's.
    pub(super) fn with_severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    /// With a fix.
    pub(super) fn with_fix(self, fix: Fix) -> Self {
        Self { fix: Some(fix), ..self }
    }

    /// As a finding of `rule`.
    pub(super) fn of(self, rule: &'static Rule) -> Finding {
        let Self { at, what, remedy, severity, fix } = self;
        Finding { rule, at, what, remedy, severity: severity.unwrap_or(rule.severity), fix }
    }
}

/// Something wrong with an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// Where: a JSON pointer into the object. It may point at what is missing: then its parents may be missing too.
    pub at: PointerBuf,
    /// What is wrong, with its numbers.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// How much it matters.
    pub severity: Severity,
    /// How to put it right, where that is safe.
    pub fix: Option<Fix>,
}
