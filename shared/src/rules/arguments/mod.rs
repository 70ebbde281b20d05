//! The command line as the server will read it.

use super::Rule;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[];
