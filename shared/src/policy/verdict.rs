//! The decision on one request.

use std::collections::BTreeMap;

use json_patch::Patch;

use super::{Phase, Request, Snapshot};
use crate::catalog::CatalogError;
use crate::rules::{Background, Finding, Settings, check};

/// How a request was answered, for metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// No inference in it, or nothing for us to say at this operation.
    Skipped,
    /// Inference, and nothing wrong.
    Clean,
    /// Warnings or audit only.
    Warned,
    /// Changed.
    Patched,
    /// Refused.
    Denied,
}

/// The decision on one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How it was answered.
    pub outcome: Outcome,
    /// What to change; empty at validation.
    pub patch: Patch,
    /// Why it is refused, as a person reads it; `None` where it is allowed.
    pub denial: Option<String>,
    /// Warnings as the API server takes them: printable ASCII, at most 256 bytes each and 4,096 together.
    pub warnings: Vec<String>,
    /// Audit annotations.
    pub audit: BTreeMap<String, String>,
    /// What was found, for metrics.
    pub findings: Vec<Finding>,
}

/// The decision on `request`.
///
/// # Errors
///
/// The catalog cannot be read. An error is never a skip: the caller answers with a failure.
pub fn decide(phase: Phase, request: &Request<'_>, snapshot: &Snapshot) -> Result<Verdict, CatalogError> {
    let settings = Settings::default();
    let background =
        Background { catalog: &snapshot.catalog, settings: &settings, neighbours: &snapshot.neighbours };
    let findings = match request.object {
        Some(object) => check(object, &background)?,
        None => Vec::new(),
    };
    let warnings = match phase {
        Phase::Mutate => Vec::new(),
        Phase::Validate => {
            findings.iter().map(|found| format!("{}: {}", found.rule.id, found.what)).collect()
        }
    };
    let outcome = if findings.is_empty() { Outcome::Clean } else { Outcome::Warned };
    Ok(Verdict { outcome, patch: Patch::default(), denial: None, warnings, audit: BTreeMap::new(), findings })
}
