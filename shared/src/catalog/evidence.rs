//! Where an entry's facts come from, and how far to trust them.

use serde::{Deserialize, Serialize};

use super::entry::Problem;

/// Source of an entry's facts; part of every entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// Who published the facts, where.
    pub source: String,
    /// Fields (by their name in the file) whose value no source confirms; shown as unverified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// What other sources say instead, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<String>,
}

impl Evidence {
    /// The fields that no source confirms, as one text; `None` where all are confirmed.
    pub fn unverified_fields(&self) -> Option<String> {
        (!self.unverified.is_empty()).then(|| self.unverified.join(", "))
    }

    /// A fact without a source is no fact.
    pub(super) fn validate(&self) -> Result<(), Problem> {
        if self.source.trim().is_empty() {
            return Err(Problem::new(
                "evidence.source",
                "is empty: say who published the facts, where (your own measurement is a source too)",
            ));
        }
        Ok(())
    }
}
