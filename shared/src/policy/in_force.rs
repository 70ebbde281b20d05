//! What holds for one workload.

use super::Action;
use crate::rules::{Caution, Finding, Settings, Severity};

/// What holds for one workload: without any policy, the defaults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InForce {
    settings: Settings,
}

/// What is done about one finding, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What is done.
    pub action: Action,
    /// Policy that says so; `None` where none does and the default holds.
    pub policy: Option<String>,
    /// Whether a fix may change the command line.
    pub arguments: bool,
    /// Whether a fix may replace what the author wrote.
    pub overwrite: bool,
    /// Whether the author's ignoring counts although it is refused.
    pub allow_ignore: bool,
}

impl InForce {
    /// What the rules are told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is done about `finding`.
    pub fn ruling(&self, finding: &Finding) -> Ruling {
        Ruling {
            action: default_action(finding),
            policy: None,
            arguments: false,
            overwrite: false,
            allow_ignore: true,
        }
    }
}

/// What is done about a finding that no policy names: a safe fix is made, information is recorded, everything else
/// warned of.
fn default_action(finding: &Finding) -> Action {
    match &finding.fix {
        Some(fix) if fix.caution == Caution::Safe => Action::Mutate,
        _ if finding.severity == Severity::Information => Action::Audit,
        _ => Action::Warn,
    }
}
