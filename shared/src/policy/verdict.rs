//! The decision on one request.

use std::collections::BTreeMap;

use json_patch::Patch;

use super::standing::Skipped;
use super::text;
use super::{Consequence, Judgement};

/// How a request was answered, for metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// No inference in it, or nothing for us to say at this operation.
    Skipped,
    /// Inference, and nothing wrong.
    Clean,
    /// Warnings or audit only.
    Warned,
    /// Something is put right.
    Patched,
    /// Refused.
    Denied,
}

impl Outcome {
    /// Name for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Clean => "clean",
            Self::Warned => "warned",
            Self::Patched => "patched",
            Self::Denied => "denied",
        }
    }
}

/// The decision on one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How it was answered.
    pub outcome: Outcome,
    /// Why nothing was looked at; `Some` where the outcome is [`Outcome::Skipped`].
    pub skipped: Option<Skipped>,
    /// What to change; empty at validation. Where nothing is put right it may still annotate the object with why.
    pub patch: Patch,
    /// Why it is refused, as a person reads it; `None` where it is allowed.
    pub denial: Option<String>,
    /// Warnings as the API server takes them: printable ASCII, at most 256 bytes each and 4,096 together.
    pub warnings: Vec<String>,
    /// Audit annotations: keys without the prefix that the API server puts before them.
    pub audit: BTreeMap<String, String>,
    /// What was found and what became of it, for metrics.
    pub judgements: Vec<Judgement>,
}

/// Bytes of one audit annotation: they stand in every line of the audit log.
const AUDIT_BYTES: usize = 2048;

/// Bytes of a refusal.
const DENIAL_BYTES: usize = 8192;

impl Verdict {
    /// Nothing is said.
    pub(super) fn skipped(reason: Skipped) -> Self {
        Self {
            outcome: Outcome::Skipped,
            skipped: Some(reason),
            patch: Patch::default(),
            denial: None,
            warnings: Vec::new(),
            audit: BTreeMap::new(),
            judgements: Vec::new(),
        }
    }

    /// The answer that `judgements` and `patch` come to, with warnings of its own first.
    pub(super) fn of(
        judgements: Vec<Judgement>,
        patch: Patch,
        denial: Option<String>,
        warnings: impl IntoIterator<Item = String>,
    ) -> Self {
        let outcome = match () {
            () if denial.is_some() => Outcome::Denied,
            () if judgements.iter().any(|judgement| judgement.consequence == Consequence::Fixed) => {
                Outcome::Patched
            }
            () if !judgements.is_empty() => Outcome::Warned,
            () => Outcome::Clean,
        };
        Self {
            outcome,
            skipped: None,
            patch,
            denial: denial.map(|denial| text::cut_lines(&denial, DENIAL_BYTES)),
            warnings: text::warnings(warnings),
            audit: audit(&judgements),
            judgements,
        }
    }

    /// Whether the object is admitted.
    pub fn is_allowed(&self) -> bool {
        self.denial.is_none()
    }
}

/// What the audit log keeps: each rule, what became of it and by whose word.
fn audit(judgements: &[Judgement]) -> BTreeMap<String, String> {
    let mut audit = BTreeMap::new();
    for judgement in judgements {
        let rule = judgement.finding.rule;
        let word = match &judgement.ruling.policy {
            Some(policy) => format!("{} {} by {policy}", rule.id, judgement.consequence.name()),
            None => format!("{} {}", rule.id, judgement.consequence.name()),
        };
        let findings: &mut String = audit.entry("findings".to_owned()).or_default();
        // A workload of many Pods finds the same in each.
        if findings.split(", ").any(|earlier| earlier == word) || findings.len() > AUDIT_BYTES {
            continue;
        }
        if !findings.is_empty() {
            findings.push_str(", ");
        }
        findings.push_str(&word);
    }
    audit
}
