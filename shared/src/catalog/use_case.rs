//! Presets of traffic by what people use models for.

use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::workload::Traffic;

/// A named kind of traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseCase {
    /// Name as the service lists it.
    pub name: String,
    /// Its lengths.
    pub traffic: Traffic,
    /// Where the lengths come from.
    pub evidence: Evidence,
}
