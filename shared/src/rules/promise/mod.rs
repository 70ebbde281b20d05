//! Targets, prices and what the namespace may use.

use super::Rule;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[];
