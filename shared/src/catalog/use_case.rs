//! Presets of traffic by what people use models for.

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::entry::{Entry, Problem, name, traffic};
use crate::workload::Traffic;

/// A named kind of traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseCase {
    /// Name as the service lists it.
    pub name: String,
    /// Other names that find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Its lengths.
    pub traffic: Traffic,
    /// Where the lengths come from.
    pub evidence: Evidence,
}

impl Entry for UseCase {
    const KIND: &'static str = "use case";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("name", &self.name)?;
        traffic(&self.traffic)?;
        self.evidence.validate()
    }
}
