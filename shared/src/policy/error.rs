//! What can be wrong with a policy.

use thiserror::Error;

/// What is wrong with a policy. A policy with any of these is not taken; its last accepted version stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// It is no `InferencePolicy`, or a field of it cannot be read.
    #[error("`{field}` cannot be read: {reason}")]
    Unreadable {
        /// Path of the field; `.` for the whole.
        field: String,
        /// Why.
        reason: String,
    },
    /// A name of no rule and no group.
    #[error("`{field}`: there is no rule or group `{name}`{}", or_like(.nearest))]
    UnknownRule {
        /// Path of the field.
        field: String,
        /// What was written.
        name: String,
        /// Ids, names and groups like it.
        nearest: Vec<String>,
    },
    /// A rule with two entries, perhaps once by its id and once by its name.
    #[error("`{field}`: `{name}` has an entry already; a rule or group has one")]
    Twice {
        /// Path of the second entry.
        field: String,
        /// The rule or group.
        name: String,
    },
    /// A selector that no labels can be compared with.
    #[error("`{field}`: label `{key}`: {reason}")]
    Selector {
        /// Path of the selector.
        field: String,
        /// The label.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// Fields that contradict each other or make no sense.
    #[error("`{field}`: {reason}")]
    Contradiction {
        /// Path of the field.
        field: String,
        /// What would be accepted.
        reason: String,
    },
}

fn or_like(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(
            "; nearest: {}",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}
