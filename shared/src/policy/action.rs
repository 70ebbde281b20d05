//! What is done about a finding.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done about a finding, from the mildest to the strictest. Where several policies name a rule, the strictest
/// wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing; it is not even recorded.
    Off,
    /// It is recorded in the audit log and in metrics.
    Audit,
    /// The author is warned.
    Warn,
    /// It is put right where the rule can, fixes of the command line included; the author is warned of the rest.
    Mutate,
    /// It is put right where nothing the author wrote changes; what is left is refused.
    Deny,
}

impl Action {
    /// All of them, from the mildest to the strictest.
    pub const ALL: [Self; 5] = [Self::Off, Self::Audit, Self::Warn, Self::Mutate, Self::Deny];

    /// Name as policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Mutate => "mutate",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
